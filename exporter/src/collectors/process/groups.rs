//! Groups: processes that share a label set. Births and deaths within a group cost no claim.

use std::sync::Arc;

use exporter_common::process::ProcessTotals;
use rustc_hash::FxHashMap;

use super::{CONTEXT_SWITCHES, CPU_TIME, DISK_IO, RUN_QUEUE_TIME};
use crate::{
    catalogue::{Fold, Key, Metric, keys},
    collectors::World,
    config::By,
    entities::{
        identity::{Who, whose},
        ledger::Claim,
    },
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

/// What the members of a group have in common. Neither of the two stands for the fold.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct GroupKey {
    pub(super) who: Option<Who>,
    /// Empty when it is not known.
    pub(super) name: Option<Arc<str>>,
    /// How many ways of telling processes apart there were before.
    style: u32,
}

/// All groups that have members.
pub(super) struct Groups {
    by: By,
    /// The label of the processes' names.
    key: Option<&'static Key>,
    style: u32,
    groups: FxHashMap<GroupKey, Group>,
}

struct Group {
    members: usize,
    claims: [Claim; PARTS],
}

impl Groups {
    pub(super) fn new(by: By, key: Option<&'static Key>) -> Self {
        Self { by, key, style: 0, groups: FxHashMap::default() }
    }

    /// How members' cgroups are told apart.
    pub(super) fn by(&self) -> By {
        self.by
    }

    /// The key with what the config does not keep taken out.
    pub(super) fn key(&self, name: Option<Arc<str>>, who: Option<Who>) -> GroupKey {
        let (who, name) = (who.filter(|_| self.by != By::None), name.filter(|_| self.key.is_some()));
        GroupKey { who, name, style: self.style }
    }

    /// Another way of telling processes apart: members move to new groups as they are met.
    pub(super) fn adopt(&mut self, by: By, key: Option<&'static Key>) {
        (self.by, self.key) = (by, key);
        self.style += 1;
    }

    /// Gives all claims back.
    pub(super) fn close(&mut self, world: &mut World) {
        for claim in self.groups.drain().flat_map(|(_, group)| group.claims) {
            world.books.release(claim);
        }
    }

    /// One more member.
    pub(super) fn join(&mut self, key: &GroupKey, world: &mut World) {
        if let Some(group) = self.groups.get_mut(key) {
            group.members += 1;
            return;
        }
        let whose = self.labels(key);
        let claims = METRICS.map(|(metric, attribute)| world.books.claim(metric, &whose.with(attribute)));
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
            world.books.count(claim, by);
        }
    }

    /// The labels of a group; what it lacks is what the fold stands for.
    fn labels(&self, group: &GroupKey) -> Labels {
        let name = self.key.map(|key| match (&group.name, key.fold) {
            (Some(name), _) => (key, &**name),
            (None, Fold::As(all_others)) => (key, all_others),
            (None, _) => (key, ""),
        });
        whose(group.who.as_ref(), self.by).with(name.filter(|(_, name)| !name.is_empty()))
    }
}
