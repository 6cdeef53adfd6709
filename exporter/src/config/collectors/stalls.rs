//! The section of the collector `stalls`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
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

section!(Stalls, [by]);
