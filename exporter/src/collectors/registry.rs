//! The registry: every hook family, one line each.

use anyhow::Result;

use super::{BlockFamily, Description, Family, SchedFamily, block_io, process, scheduler};
use crate::{
    config::Config,
    kernel::{btf::Btf, host::Hierarchy},
};

/// What families need of the kernel to attach.
pub struct Kernel {
    /// Its type information.
    pub btf: Btf,
    /// Where cgroups are told apart.
    pub hierarchy: Hierarchy,
}

/// A hook family before it is attached.
pub struct Entry {
    /// Its collectors.
    pub collectors: &'static [&'static Description],
    /// Which of them are on.
    pub enabled: fn(&Config) -> Vec<&'static str>,
    /// Attaches what the config asks for.
    pub attach: fn(&Kernel, &Config) -> Result<Box<dyn Family>>,
    /// What its maps will take of the kernel's memory.
    pub map_bytes: fn(&Config) -> Vec<(String, u64)>,
}

/// All of them, in the order in which they are shown.
pub static FAMILIES: &[Entry] = &[
    Entry {
        collectors: &[&scheduler::DESCRIPTION, &process::DESCRIPTION],
        enabled: SchedFamily::enabled,
        attach: SchedFamily::from_config,
        map_bytes: SchedFamily::map_bytes,
    },
    Entry {
        collectors: &[&block_io::DESCRIPTION],
        enabled: BlockFamily::enabled,
        attach: BlockFamily::from_config,
        map_bytes: BlockFamily::map_bytes,
    },
];

/// Every collector there is.
pub fn descriptions() -> impl Iterator<Item = &'static Description> {
    FAMILIES.iter().flat_map(|entry| entry.collectors).copied()
}

/// Name and bytes of the maps that a config leads to, by the sizes of their types; `check` prints them.
pub fn map_bytes(config: &Config) -> Vec<(String, u64)> {
    FAMILIES.iter().flat_map(|entry| (entry.map_bytes)(config)).collect()
}
