//! The section of the collector `stalls`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::config::By;

/// The collector `stalls`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stalls {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How series say whose cgroup it was.
    pub by: By,
}

impl Default for Stalls {
    fn default() -> Self {
        Self { enabled: true, by: By::default() }
    }
}

impl Section for Stalls {
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
}
