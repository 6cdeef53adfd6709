//! The page for people, and the history that it shows.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    size::MemorySize,
    with::{Milliseconds, Text},
};

/// The page for people, and the history that it shows.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// Whether there is a history, and a page that shows it.
    pub enabled: bool,
    /// How far back it goes.
    #[serde(with = "Milliseconds::<60_000, 3_600_000>")]
    pub history: Duration,
    /// What it may take of memory; when it is full, the oldest goes early.
    #[serde(with = "Text::<MemorySize>")]
    pub memory: MemorySize,
    /// The shortest time between two reads for open pages, which share them.
    #[serde(with = "Milliseconds::<1_000, 60_000>")]
    pub refresh: Duration,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            enabled: true,
            history: Duration::from_secs(600),
            memory: MemorySize::default(),
            refresh: Duration::from_secs(2),
        }
    }
}
