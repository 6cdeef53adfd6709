//! Cgroups below others that may be there or not.

use std::{collections::BTreeSet, fs};

use crate::harness::*;

/// Makes cgroups wherever they are asked for, and what is missing above them. In the end, when those are gone,
/// it removes what it had to make.
#[derive(Default)]
pub(crate) struct Nest {
    /// Parents before children.
    made: Vec<Cgroup>,
    there: BTreeSet<String>,
}

impl Nest {
    /// A cgroup with this path from the hierarchy's root.
    pub(crate) fn make(&mut self, path: &str) -> Cgroup {
        for (end, _) in path.match_indices('/').skip(1) {
            let above = &path[..end];
            if self.there.insert(above.to_owned()) && fs::metadata(mount().join(&above[1..])).is_err() {
                self.made.push(Cgroup::alone_at(above));
            }
        }
        Cgroup::alone_at(path)
    }

    /// Takes one back, to be removed after everything that was made since.
    pub(crate) fn keep(&mut self, cgroup: Cgroup) {
        self.made.push(cgroup);
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        while self.made.pop().is_some() {}
    }
}
