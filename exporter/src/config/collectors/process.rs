//! The section of the collector `process`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
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

impl Section for Process {
    fn enabled(&self) -> bool {
        self.enabled
    }

    fn enable(&mut self, enabled: bool) {
        self.enabled = enabled;
    }

    fn by(&self) -> By {
        self.by
    }

    fn set_by(&mut self, by: By) {
        self.by = by;
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.processes_by.name(), self.by.name()]
    }
}
