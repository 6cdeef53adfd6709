//! The registry: every hook family, one line each.

use anyhow::Result;

use super::{
    BlockFamily, Description, Family, SchedFamily, block_io, filesystem::Filesystem, interrupts::Interrupts,
    lifecycle::Lifecycle, memory::Memory, network::Network, process, scheduler, stalls, syscalls::Syscalls,
    tcp::Tcp,
};
use crate::{
    catalogue::{Kind, Metric},
    config::{Config, Detail},
    hooks::{self, rung::Rung},
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
    /// The ways to attach it.
    pub rungs: &'static [Rung],
    /// A program that runs many times a second on every machine, if there is one: `doctor` watches it.
    pub restless: Option<&'static str>,
    /// Attaches what the config asks for.
    pub attach: fn(&Kernel, &Config) -> Result<Box<dyn Family>>,
    /// What its maps will take of the kernel's memory.
    pub map_bytes: fn(&Config) -> Vec<(String, u64)>,
}

/// All of them, in the order in which they are shown.
pub static FAMILIES: &[Entry] = &[
    Entry {
        collectors: &[&scheduler::DESCRIPTION, &stalls::DESCRIPTION, &process::DESCRIPTION],
        enabled: SchedFamily::enabled,
        rungs: &hooks::sched::RUNGS,
        restless: Some("sched_switch"),
        attach: SchedFamily::from_config,
        map_bytes: SchedFamily::map_bytes,
    },
    Entry {
        collectors: &[&block_io::DESCRIPTION],
        enabled: BlockFamily::enabled,
        rungs: &hooks::block::RUNGS,
        restless: None,
        attach: BlockFamily::from_config,
        map_bytes: BlockFamily::map_bytes,
    },
    Entry::of_rows::<Interrupts>(),
    Entry::of_rows::<Lifecycle>(),
    Entry::of_rows::<Network>(),
    Entry::of_rows::<Memory>(),
    Entry::of_rows::<Tcp>(),
    Entry::of_rows::<Syscalls>(),
    Entry::of_rows::<Filesystem>(),
];

/// Every collector there is.
pub fn descriptions() -> impl Iterator<Item = &'static Description> {
    FAMILIES.iter().flat_map(|entry| entry.collectors).copied()
}

/// Every metric of the collectors that are on, as far as their detail goes.
pub fn metrics(config: &Config) -> Vec<&'static Metric> {
    let enabled: Vec<_> = FAMILIES.iter().flat_map(|entry| (entry.enabled)(config)).collect();
    let collectors = descriptions().filter(|collector| enabled.contains(&collector.name));
    let measured = collectors.flat_map(|collector| {
        let all = config.collectors.detail(collector.name) == Detail::Histograms;
        let is_cheap = |metric: &Metric| matches!(metric.kind, Kind::Counter | Kind::Sizes);
        collector.metrics.iter().filter(move |metric| all || is_cheap(metric))
    });
    measured.copied().collect()
}

/// Name and bytes of the maps that a config leads to, by the sizes of their types; `check` prints them.
pub fn map_bytes(config: &Config) -> Vec<(String, u64)> {
    let cgroups = hooks::cgroup::map_bytes();
    FAMILIES.iter().flat_map(|entry| (entry.map_bytes)(config)).chain(cgroups).collect()
}
