//! The section of the collector `block_io`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::{
    By, Detail,
    labels::{BlockIoLabel, label_set},
};

/// The collector `block_io`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlockIo {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How much it measures.
    pub detail: Detail,
    /// How series say whose cgroup it was.
    pub by: By,
    /// Which other labels its series keep; the kernel aggregates over the rest.
    #[serde(deserialize_with = "label_set")]
    pub labels: BTreeSet<BlockIoLabel>,
}

impl Default for BlockIo {
    fn default() -> Self {
        Self { enabled: true, detail: Detail::default(), by: By::default(), labels: BlockIoLabel::ALL.into() }
    }
}

section!(BlockIo, [detail, by] {
    fn names(&self) -> Vec<&'static str> {
        let labels = self.labels.iter().map(|label| label.key().prometheus);
        labels.chain([self.by.name()]).collect()
    }

    fn names_in_force(&self) -> Vec<&'static str> {
        let mut names = self.names();
        if self.detail == Detail::Counters {
            names.pop(); // only durations say whose they are
        }
        names
    }
});
