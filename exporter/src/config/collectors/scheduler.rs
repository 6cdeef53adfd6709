//! The section of the collector `scheduler`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::{By, Detail};

/// The collector `scheduler`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduler {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How much it measures.
    pub detail: Detail,
    /// How series say whose cgroup it was.
    pub by: By,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self { enabled: true, detail: Detail::default(), by: By::default() }
    }
}

section!(Scheduler, [detail, by]);
