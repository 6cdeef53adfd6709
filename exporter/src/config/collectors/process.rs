//! The section of the collector `process`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::{By, ProcessesBy};

/// The collector `process`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How series say whose cgroup it was.
    pub by: By,
    /// How they say which process it was.
    pub processes_by: ProcessesBy,
}

impl Default for Process {
    fn default() -> Self {
        Self { enabled: true, by: By::default(), processes_by: ProcessesBy::default() }
    }
}

section!(Process, [by] {
    fn names(&self) -> Vec<&'static str> {
        vec![self.processes_by.name(), self.by.name()]
    }
});
