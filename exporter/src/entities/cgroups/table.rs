//! What is known of each cgroup: its path, and whether it still is. No kernel, no files, no clock.

use std::sync::Arc;

use exporter_common::cgroup::CgroupEventKind;
use rustc_hash::FxHashMap;

use crate::{hooks::cgroup::Event, snapshot::text};

/// Names of removed cgroups that are kept at most.
const KEPT: usize = 16_384;

/// For how many reads a removed cgroup's name is kept after the last time somebody asked for it. A tenancy
/// ends within two.
const REMEMBERED_READS: u64 = 4;

/// How many cgroups came and went since the table was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) born: u64,
    pub(super) removed: u64,
    pub(super) renamed: u64,
}

/// All cgroups that are there, and those that were.
#[derive(Debug, Default)]
pub(super) struct Table {
    known: FxHashMap<u64, Known>,
    gone: usize,
    counts: Counts,
    /// Number of the current or last walk.
    walk: u64,
    /// Number of the current or last read.
    read: u64,
}

#[derive(Debug)]
struct Known {
    path: Arc<str>,
    /// Whether there is any use in looking for a better path.
    named: bool,
    /// The last walk that came past it.
    walk: u64,
    /// Its number among the removed.
    died: Option<u64>,
    /// The read in which somebody last asked for its name, or in which it was removed.
    asked: u64,
}

impl Table {
    /// Takes in what has happened. The last word on a cgroup is right, also when a walk was faster than the
    /// events.
    pub(super) fn apply(&mut self, event: &Event<'_>) {
        match event.kind {
            CgroupEventKind::Born => self.living(event.id, event.path),
            CgroupEventKind::Renamed => {
                self.counts.renamed += 1;
                self.living(event.id, event.path);
            }
            CgroupEventKind::Removed => {
                if !self.known.contains_key(&event.id) {
                    self.living(event.id, event.path);
                }
                self.bury(event.id);
                self.limit();
            }
        }
    }

    /// Begins to compare with what is there, which is to be told by [`found`](Self::found).
    pub(super) fn begin_walk(&mut self) {
        self.walk += 1;
    }

    /// The walk has met a cgroup; `None` is a path too long to be used.
    pub(super) fn found(&mut self, id: u64, path: Option<&[u8]>) {
        self.living(id, path);
        if let Some(known) = self.known.get_mut(&id) {
            known.walk = self.walk;
            known.named = true;
        }
    }

    /// The walk is over. Unless there were parts that it could not see, what it did not meet is gone.
    pub(super) fn end_walk(&mut self, complete: bool) {
        if complete {
            let walk = self.walk;
            let absent = self.known.iter().filter(|(_, known)| known.walk != walk && known.died.is_none());
            for id in absent.map(|(id, _)| *id).collect::<Vec<_>>() {
                self.bury(id);
            }
            self.limit();
        }
    }

    /// Whether there is any use in looking for a better path of this cgroup.
    pub(super) fn is_nameless(&self, id: u64) -> bool {
        self.known.get(&id).is_none_or(|known| !known.named && known.died.is_none())
    }

    /// The path, or `id:1234` when it is not known. From now on the cgroup is known.
    pub(super) fn path(&mut self, id: u64) -> Arc<str> {
        let read = self.read;
        let known = self.entry(id);
        known.asked = read;
        Arc::clone(&known.path)
    }

    /// Whether the cgroup was known and is no more.
    pub(super) fn is_gone(&self, id: u64) -> bool {
        self.known.get(&id).is_some_and(|known| known.died.is_some())
    }

    /// Whether the cgroup is known and not gone.
    pub(super) fn is_there(&self, id: u64) -> bool {
        self.known.get(&id).is_some_and(|known| known.died.is_none())
    }

    /// Another read begins: forgets removed cgroups for which nobody has asked in the last few.
    pub(super) fn begin_read(&mut self) {
        self.read += 1;
        if self.gone > 0 {
            let oldest = self.read.saturating_sub(REMEMBERED_READS);
            self.known.retain(|_, known| known.died.is_none() || known.asked >= oldest);
            self.gone = self.known.values().filter(|known| known.died.is_some()).count();
        }
    }

    /// Cgroups that are there, and removed ones that are still known.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.known.len() - self.gone, self.gone)
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// What has been learned so far is not news.
    pub(super) fn reset_counts(&mut self) {
        self.counts = Counts::default();
    }

    fn entry(&mut self, id: u64) -> &mut Known {
        self.known.entry(id).or_insert_with(|| {
            self.counts.born += 1;
            Known { path: format!("id:{id}").into(), named: false, walk: 0, died: None, asked: 0 }
        })
    }

    fn living(&mut self, id: u64, path: Option<&[u8]>) {
        let known = self.entry(id);
        if let Some(path) = path {
            if known.path.as_bytes() != path {
                known.path = text(path).into();
            }
            known.named = true;
        }
        if known.died.take().is_some() {
            self.gone -= 1;
        }
    }

    fn bury(&mut self, id: u64) {
        if let Some(known) = self.known.get_mut(&id)
            && known.died.is_none()
        {
            self.counts.removed += 1;
            self.gone += 1;
            known.died = Some(self.counts.removed);
            known.asked = self.read;
        }
    }

    /// Forgets the oldest dead, so many at once that it costs little per death.
    fn limit(&mut self) {
        if self.gone > KEPT + KEPT / 4 {
            let mut deaths: Vec<u64> = self.known.values().filter_map(|known| known.died).collect();
            let (_, oldest_kept, _) = deaths.select_nth_unstable(self.gone - KEPT);
            let oldest_kept = *oldest_kept;
            self.known.retain(|_, known| known.died.is_none_or(|died| died >= oldest_kept));
            self.gone = KEPT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: CgroupEventKind, id: u64, path: &[u8]) -> Event<'_> {
        Event { kind, id, path: (!path.is_empty()).then_some(path) }
    }

    fn born(id: u64, path: &[u8]) -> Event<'_> {
        event(CgroupEventKind::Born, id, path)
    }

    fn renamed(id: u64, path: &[u8]) -> Event<'_> {
        event(CgroupEventKind::Renamed, id, path)
    }

    fn removed(id: u64, path: &[u8]) -> Event<'_> {
        event(CgroupEventKind::Removed, id, path)
    }

    fn walk(table: &mut Table, found: &[(u64, &[u8])], complete: bool) {
        table.begin_walk();
        for (id, path) in found {
            table.found(*id, Some(path));
        }
        table.end_walk(complete);
    }

    #[test]
    fn a_life_by_events() {
        let mut table = Table::default();
        table.apply(&born(7, b"/a"));
        assert_eq!((&*table.path(7), table.is_gone(7)), ("/a", false));
        table.apply(&renamed(7, b"/b"));
        assert_eq!(&*table.path(7), "/b");
        table.apply(&removed(7, b"/b"));
        assert_eq!((&*table.path(7), table.is_gone(7)), ("/b", true), "the name outlives the cgroup");
        assert_eq!(table.len(), (0, 1));
        assert_eq!(table.counts(), Counts { born: 1, removed: 1, renamed: 1 });
        for _ in 0..REMEMBERED_READS * 2 {
            table.begin_read();
            assert_eq!(&*table.path(7), "/b", "somebody still asks");
        }
        for _ in 0..=REMEMBERED_READS {
            assert_eq!(table.len(), (0, 1));
            table.begin_read();
        }
        assert_eq!(table.len(), (0, 0));
        assert_eq!((&*table.path(7), table.is_gone(7)), ("id:7", false));
    }

    #[test]
    fn names_are_made_safe_and_unknown_ones_say_so() {
        let mut table = Table::default();
        table.apply(&born(1, b"/\xff\"\\"));
        assert_eq!(&*table.path(1), "/\\xff\"\\");
        table.apply(&born(2, b""));
        assert_eq!((&*table.path(2), table.is_nameless(2)), ("id:2", true));
        assert!(table.is_nameless(3) && !table.is_nameless(1));
        table.apply(&removed(4, b"/late"));
        assert_eq!((&*table.path(4), table.is_gone(4)), ("/late", true), "named at the last moment");
    }

    #[test]
    fn only_a_complete_walk_proves_absence() {
        let mut table = Table::default();
        table.apply(&born(1, b"/"));
        table.apply(&born(2, b"/a"));
        walk(&mut table, &[(1, b"/")], false);
        assert!(!table.is_gone(2));
        walk(&mut table, &[(1, b"/"), (3, b"/c")], true);
        assert!(table.is_gone(2) && !table.is_gone(1));
        assert_eq!(&*table.path(3), "/c");
        assert_eq!(table.counts(), Counts { born: 3, removed: 1, renamed: 0 });
        walk(&mut table, &[(1, b"/"), (3, b"/c")], true);
        assert_eq!(table.counts().removed, 1, "dying twice is counted once");
    }

    #[test]
    fn a_nameless_one_is_named_or_buried_by_the_next_walk() {
        let mut table = Table::default();
        table.path(5);
        table.path(6);
        walk(&mut table, &[(5, b"/five")], true);
        assert_eq!((&*table.path(5), table.is_gone(5)), ("/five", false));
        assert_eq!((&*table.path(6), table.is_gone(6)), ("id:6", true));
        assert!(!table.is_nameless(6), "there is nothing more to learn");
        table.begin_walk();
        table.found(8, None);
        table.end_walk(true);
        assert_eq!((&*table.path(8), table.is_nameless(8), table.is_gone(8)), ("id:8", false, false));
    }

    #[test]
    fn events_that_a_walk_has_overtaken_end_right() {
        let mut table = Table::default();
        walk(&mut table, &[(7, b"/new")], true);
        table.apply(&born(7, b"/old"));
        table.apply(&renamed(7, b"/new"));
        assert_eq!(&*table.path(7), "/new");
        // A rename may hide a directory from the walk that lists its parent at that moment.
        walk(&mut table, &[], true);
        assert!(table.is_gone(7));
        table.apply(&renamed(7, b"/newer"));
        assert_eq!((&*table.path(7), table.is_gone(7), table.len()), ("/newer", false, (1, 0)));
    }

    #[test]
    fn the_oldest_dead_are_forgotten_first() {
        let mut table = Table::default();
        table.apply(&born(1, b"/"));
        let many = (KEPT + KEPT / 4) as u64;
        for id in 2..many + 2 {
            table.apply(&born(id, b"/x"));
            table.apply(&removed(id, b"/x"));
        }
        assert_eq!(table.len(), (1, many as usize));
        table.apply(&removed(many + 2, b"/last"));
        assert_eq!(table.len(), (1, KEPT));
        assert!(table.is_gone(many + 2) && table.is_gone(many) && !table.is_gone(2));
        let oldest_kept = many + 3 - KEPT as u64;
        assert!(table.is_gone(oldest_kept) && !table.is_gone(oldest_kept - 1));
    }
}
