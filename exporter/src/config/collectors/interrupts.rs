//! The section of the collector `interrupts`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;

/// The collector `interrupts`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Interrupts {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// Series say on which CPU it was.
    pub per_cpu: bool,
}

impl Default for Interrupts {
    fn default() -> Self {
        Self { enabled: true, per_cpu: false }
    }
}

section!(Interrupts, [] {
    fn names(&self) -> Vec<&'static str> {
        if self.per_cpu { vec!["cpu"] } else { Vec::new() }
    }
});
