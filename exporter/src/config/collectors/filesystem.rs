//! The section of the collector `filesystem`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::section;
use crate::config::{By, Detail, filesystem_type::FilesystemType, name_set::name_set};

/// The collector `filesystem`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Filesystem {
    /// Whether its programs are loaded.
    pub enabled: bool,
    /// How much it measures.
    pub detail: Detail,
    /// How series say whose cgroup it was.
    pub by: By,
    /// Which types of file systems are measured; empty for all that hold files.
    #[serde(deserialize_with = "name_set")]
    pub types: BTreeSet<FilesystemType>,
    /// Mounts are told apart.
    pub mounts: bool,
}

section!(Filesystem, [detail, by] {
    fn names(&self) -> Vec<&'static str> {
        let mount = self.mounts.then_some("mount");
        mount.into_iter().chain([self.by.name()]).collect()
    }
});
