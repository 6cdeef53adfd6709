//! The section of the collector `syscalls`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::{By, Detail, name_set::name_set, syscall_name::SyscallName};

/// The collector `syscalls`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Syscalls {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How much it measures.
    pub detail: Detail,
    /// How series say whose cgroup it was.
    pub by: By,
    /// Which system calls are measured; empty for all.
    #[serde(deserialize_with = "name_set")]
    pub names: BTreeSet<SyscallName>,
}

impl Default for Syscalls {
    fn default() -> Self {
        Self { enabled: false, detail: Detail::default(), by: By::None, names: BTreeSet::new() }
    }
}

section!(Syscalls, [detail, by]);
