//! The section of the collector `tcp`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::{By, Detail, with::WholeNumber};

/// Fewest connections that can be remembered.
const FEWEST: i64 = 64;

/// Most connections that can be remembered.
const MOST: i64 = 1 << 20;

/// The collector `tcp`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tcp {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How much it measures.
    pub detail: Detail,
    /// How series say whose cgroup it was.
    pub by: By,
    /// Connections that are remembered at a time, at least.
    #[serde(with = "WholeNumber::<FEWEST, MOST>")]
    pub connections: u32,
    /// Every round trip that the kernel measures, of connections that are established from then on. Takes
    /// `CAP_NET_ADMIN` and cgroup v2.
    pub round_trips: bool,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            enabled: true,
            detail: Detail::default(),
            by: By::default(),
            connections: 16_384,
            round_trips: false,
        }
    }
}

section!(Tcp, [detail, by]);
