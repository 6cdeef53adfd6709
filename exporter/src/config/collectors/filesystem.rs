//! The section of the collector `filesystem`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::config::By;

/// The collector `filesystem`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Filesystem {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How series say whose cgroup it was.
    pub by: By,
    /// Series say on which device the file system is and where it is mounted.
    pub mounts: bool,
}

impl Default for Filesystem {
    fn default() -> Self {
        Self { enabled: false, by: By::default(), mounts: false }
    }
}

impl Section for Filesystem {
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
        self.mounts.then_some("mount").into_iter().chain([self.by.name()]).collect()
    }
}
