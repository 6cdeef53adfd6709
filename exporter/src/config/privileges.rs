//! What the exporter may do.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is given up at the start.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Privileges {
    /// Which capabilities.
    pub drop: Dropped,
}

/// Which capabilities are given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// All but `CAP_BPF` and `CAP_PERFMON`, and `CAP_NET_ADMIN` where `collectors.tcp.round_trips` takes it.
    #[default]
    Unneeded,
    /// As above, and these two as soon as everything is attached.
    All,
    /// None.
    Nothing,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unneeded => "unneeded",
            Self::All => "all",
            Self::Nothing => "nothing",
        })
    }
}
