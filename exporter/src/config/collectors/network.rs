//! The section of the collector `network`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::with::WholeNumber;

/// The collector `network`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Whether its program is loaded.
    pub enabled: bool,
    /// Network devices with series of their own; those beyond share one.
    #[serde(with = "WholeNumber::<0, 1000>")]
    pub devices: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self { enabled: true, devices: 64 }
    }
}

section!(Network, [] {
    fn names(&self) -> Vec<&'static str> {
        if self.devices > 0 { vec!["network_interface_name"] } else { Vec::new() }
    }
});
