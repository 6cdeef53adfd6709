//! Groups: processes that share a label set. Births and deaths within a group cost no claim.

use std::sync::Arc;

use exporter_common::process::ProcessTotals;
use rustc_hash::FxHashMap;

use super::{CONTEXT_SWITCHES, CPU_TIME, DISK_IO, RUN_QUEUE_TIME};
use crate::{
    catalogue::{Fold, Key, Metric, keys},
    collectors::World,
    entities::ledger::Claim,
    snapshot::Labels,
};

/// Sums per process, in the order of [`parts`].
pub(super) const PARTS: usize = 6;

const METRICS: [(&Metric, Option<(&Key, &str)>); PARTS] = [
    (&CPU_TIME, None),
    (&RUN_QUEUE_TIME, None),
    (&CONTEXT_SWITCHES, Some((&keys::PROCESS_SWITCH_TYPE, "voluntary"))),
    (&CONTEXT_SWITCHES, Some((&keys::PROCESS_SWITCH_TYPE, "involuntary"))),
    (&DISK_IO, Some((&keys::DISK_IO_DIRECTION, "read"))),
    (&DISK_IO, Some((&keys::DISK_IO_DIRECTION, "write"))),
];

/// The sums in order.
pub(super) fn parts(totals: &ProcessTotals) -> [u64; PARTS] {
    let ProcessTotals { cpu_ns, run_queue_ns, voluntary, involuntary, read_bytes, write_bytes } = *totals;
    [cpu_ns, run_queue_ns, voluntary, involuntary, read_bytes, write_bytes]
}

/// What the members of a group have in common. Nothing at all stands for the fold.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct GroupKey {
    pub(super) command: Option<Arc<str>>,
    pub(super) cgroup: Option<Arc<str>>,
    pub(super) pid: Option<u32>,
}

/// Which of the labels the config keeps.
#[derive(Clone, Copy, Debug)]
pub struct KeptLabels {
    /// The command's name.
    pub command: bool,
    /// The cgroup's path.
    pub cgroup: bool,
    /// The process id.
    pub pid: bool,
}

/// All groups that have members.
pub(super) struct Groups {
    kept: KeptLabels,
    groups: FxHashMap<GroupKey, Group>,
}

struct Group {
    members: usize,
    claims: [Claim; PARTS],
}

impl Groups {
    pub(super) fn new(kept: KeptLabels) -> Self {
        Self { kept, groups: FxHashMap::default() }
    }

    /// The key with what the config does not keep taken out.
    pub(super) fn key(
        &self,
        command: Option<Arc<str>>,
        cgroup: Option<Arc<str>>,
        pid: Option<u32>,
    ) -> GroupKey {
        GroupKey {
            command: command.filter(|_| self.kept.command),
            cgroup: cgroup.filter(|_| self.kept.cgroup),
            pid: pid.filter(|_| self.kept.pid),
        }
    }

    /// One more member.
    pub(super) fn join(&mut self, key: &GroupKey, world: &mut World) {
        if let Some(group) = self.groups.get_mut(key) {
            group.members += 1;
            return;
        }
        let kept = self.kept;
        let claims =
            METRICS.map(|(metric, attribute)| world.books.claim(metric, &labels(kept, key, attribute)));
        self.groups.insert(key.clone(), Group { members: 1, claims });
    }

    /// One member less.
    pub(super) fn leave(&mut self, key: &GroupKey, world: &mut World) {
        let Some(group) = self.groups.get_mut(key) else { return };
        group.members -= 1;
        if group.members == 0
            && let Some(group) = self.groups.remove(key)
        {
            for claim in group.claims {
                world.books.release(claim);
            }
        }
    }

    /// Adds a member's increments.
    pub(super) fn count(&self, key: &GroupKey, increments: [u64; PARTS], world: &mut World) {
        let Some(group) = self.groups.get(key) else { return };
        for (claim, by) in group.claims.iter().zip(increments) {
            world.books.ledger.count(claim, by);
        }
    }
}

/// The labels of a group; what it lacks is what the fold stands for.
fn labels(kept: KeptLabels, key: &GroupKey, attribute: Option<(&'static Key, &str)>) -> Labels {
    let fold = |key: &'static Key| match key.fold { Fold::As(all) => all, _ => "" };
    let pid = key.pid.map(|pid| pid.to_string());
    let command =
        kept.command.then(|| (&keys::COMMAND, key.command.as_deref().unwrap_or(fold(&keys::COMMAND))));
    let cgroup = kept.cgroup.then(|| (&keys::CGROUP, key.cgroup.as_deref().unwrap_or(fold(&keys::CGROUP))));
    let pid = kept.pid.then(|| (&keys::PID, pid.as_deref().unwrap_or(fold(&keys::PID))));
    Labels::new([command, cgroup, pid, attribute].into_iter().flatten())
}
