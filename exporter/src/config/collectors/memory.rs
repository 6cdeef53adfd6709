//! The section of the collector `memory`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::By;

/// The collector `memory`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How series say whose cgroup it was.
    pub by: By,
    /// How long major page faults take is measured.
    pub major_fault_latency: bool,
    /// Pages looked up in the page cache, and pages added to it, are counted.
    pub page_cache: bool,
}

impl Default for Memory {
    fn default() -> Self {
        Self { enabled: true, by: By::default(), major_fault_latency: false, page_cache: false }
    }
}

section!(Memory, [by]);
