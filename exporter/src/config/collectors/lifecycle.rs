//! The section of the collector `lifecycle`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::{By, Detail};

/// The collector `lifecycle`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lifecycle {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How much it measures.
    pub detail: Detail,
    /// How series say whose cgroup it was.
    pub by: By,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { enabled: true, detail: Detail::default(), by: By::default() }
    }
}

section!(Lifecycle, [detail, by]);
