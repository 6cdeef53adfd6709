//! Which cgroups there are, what they are called, and which are gone.
//!
//! Births, renames and deaths come as events from the kernel. The tree is walked once at the start, and again
//! when events were lost, when a rename (cgroup v1) has changed paths below it, and when somebody asks for
//! a cgroup that nobody has heard of. Without events, walks are all there is.

mod table;
mod tree;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{debug, warn};

use self::{table::Table, tree::Tree};
use crate::{
    hooks::cgroup::{Cgroup, Events},
    kernel::host::{CGROUP_ROOT, Hierarchy},
};

/// From the start of one walk to the start of the next there is at least this time.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// And at least so many times what the walk took.
const PAUSE_PER_WALK: u32 = 10;

/// Time between walks while events don't tell everything.
const PERIOD: Duration = Duration::from_secs(60);

/// The table of cgroups.
pub struct Cgroups {
    hook: Option<Cgroup>,
    tree: Option<Tree>,
    table: Table,
    /// Events that were lost until now.
    lost: u64,
    walks: Walks,
}

/// When to walk.
struct Walks {
    done: u64,
    /// Something has happened that only a walk can clear up.
    wanted: bool,
    /// The last one has seen everything.
    complete: bool,
    /// Not before.
    next: Instant,
    /// In any case then, while events don't tell everything.
    periodic: Instant,
}

/// What the table has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CgroupStats {
    /// Cgroups that are there.
    pub known: usize,
    /// Removed cgroups whose names are kept.
    pub kept: usize,
    /// Cgroups met since the start.
    pub born: u64,
    /// Cgroups gone since the start.
    pub removed: u64,
    /// Renames since the start.
    pub renamed: u64,
    /// Walks through the tree.
    pub walks: u64,
    /// Events that did not arrive; a walk makes up for them.
    pub lost_events: u64,
}

impl Cgroups {
    /// Takes over the attached hook, and walks the tree once.
    pub fn start(mut hook: Option<Cgroup>, hierarchy: &Hierarchy) -> Self {
        let tree = Tree::of(hierarchy);
        match (&hook, &tree) {
            (Some(_), Some(_)) => {}
            (None, Some(_)) => warn!("no cgroup events: walking the tree every {PERIOD:?} instead"),
            (Some(_), None) => {
                warn!(mount = ?hierarchy.mount, "the root of the cgroup hierarchy is not mounted here: \
                       cgroups that are older than the exporter have no names")
            }
            (None, None) => {
                warn!(mount = ?hierarchy.mount, "no cgroup events, and the root of the cgroup hierarchy is not \
                       mounted here: cgroups have no names, and it is not seen when they are gone")
            }
        }
        if let Some(Err(error)) = hook.as_mut().map(Cgroup::listen) {
            warn!("cgroup events are only received when they are read: cannot start a thread: {error}");
        }
        Self::new(hook, tree)
    }

    fn new(hook: Option<Cgroup>, tree: Option<Tree>) -> Self {
        let now = Instant::now();
        let walks = Walks { done: 0, wanted: true, complete: true, next: now, periodic: now };
        let mut cgroups = Self { hook, tree, table: Table::default(), lost: 0, walks };
        if cgroups.tree.is_none() {
            cgroups.table.found(CGROUP_ROOT, Some(b"/"));
        }
        cgroups.refresh();
        cgroups.table.reset_counts();
        cgroups
    }

    /// Takes in what has happened since the last call; to be called once per read.
    pub fn refresh(&mut self) {
        self.table.begin_read();
        self.receive();
        let blind = self.hook.is_none() || !self.walks.complete;
        if self.walks.wanted || blind && Instant::now() >= self.walks.periodic {
            self.walk();
        }
    }

    /// The cgroup's path from its hierarchy's root, made safe by [`text`](crate::snapshot::text), or `id:1234`
    /// when it is not known. It may become known later. Names of removed cgroups are kept
    /// for a few reads after somebody last asked for them.
    pub fn path(&mut self, id: u64) -> Arc<str> {
        if self.table.is_nameless(id) {
            self.receive();
        }
        if self.table.is_nameless(id) {
            // Known from here on, so that a walk that does not meet it finds that it is gone.
            self.table.path(id);
            self.walk();
        }
        self.table.path(id)
    }

    /// Whether the cgroup was removed: its removal was seen, or a walk after it became known did not meet it.
    pub fn is_gone(&self, id: u64) -> bool {
        self.table.is_gone(id)
    }

    /// Whether the cgroup is known, and was not removed.
    pub fn is_there(&self, id: u64) -> bool {
        self.table.is_there(id)
    }

    /// Number of cgroups that are there.
    pub fn len(&self) -> usize {
        self.table.len().0
    }

    /// Whether no cgroup is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the table has seen.
    pub fn stats(&self) -> CgroupStats {
        let (known, kept) = self.table.len();
        let counts = self.table.counts();
        CgroupStats {
            known,
            kept,
            born: counts.born,
            removed: counts.removed,
            renamed: counts.renamed,
            walks: self.walks.done,
            lost_events: self.lost,
        }
    }

    /// The hook, for what its programs say about themselves.
    pub fn hook(&self) -> Option<&Cgroup> {
        self.hook.as_ref()
    }

    fn receive(&mut self) {
        if let Some(hook) = &mut self.hook {
            let events = hook.drain();
            self.take_in(&events);
        }
    }

    fn take_in(&mut self, events: &Events) {
        let renamed = self.table.counts().renamed;
        events.iter().for_each(|event| self.table.apply(&event));
        self.walks.wanted |= events.lost != self.lost || self.table.counts().renamed != renamed;
        self.lost = events.lost;
    }

    /// Walks through the tree unless the last time was just now. Events that have arrived before must have
    /// been taken in: those that come later are about what has changed since.
    fn walk(&mut self) {
        let Some(tree) = &self.tree else { return };
        let start = Instant::now();
        if start < self.walks.next {
            return;
        }
        self.table.begin_walk();
        let complete = tree.walk(|id, path| self.table.found(id, path)).unwrap_or_else(|error| {
            debug!("cannot walk through the cgroups: {error}");
            false
        });
        self.table.end_walk(complete);
        let took = start.elapsed();
        debug!(cgroups = self.table.len().0, complete, ?took, "walked through the cgroups");
        self.walks = Walks {
            done: self.walks.done + 1,
            wanted: false,
            complete,
            next: start + SHORTEST_PAUSE.max(took * PAUSE_PER_WALK),
            periodic: start + PERIOD,
        };
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    pub(crate) use super::tree::tests::Fake;
    use super::*;

    /// Without a hook. Time passes only as tests say.
    pub(crate) fn over(fake: &Fake) -> Cgroups {
        Cgroups::new(None, Some(Tree::at(&fake.0)))
    }

    fn a_second_later(cgroups: &mut Cgroups) {
        cgroups.walks.next = Instant::now();
    }

    fn a_minute_later(cgroups: &mut Cgroups) {
        a_second_later(cgroups);
        cgroups.walks.periodic = Instant::now();
    }

    #[test]
    fn names_come_from_the_first_walk() {
        let fake = Fake::new();
        let (root, inner) = (fake.id(""), fake.make("pods/pod1"));
        let mut cgroups = over(&fake);
        assert_eq!((&*cgroups.path(root), &*cgroups.path(inner)), ("/", "/pods/pod1"));
        let expected = CgroupStats { known: 3, walks: 1, ..CgroupStats::default() };
        assert_eq!(cgroups.stats(), expected, "what was there is no news");
    }

    #[test]
    fn an_unknown_id_makes_us_walk_but_not_all_the_time() {
        let fake = Fake::new();
        let mut cgroups = over(&fake);
        let late = fake.make("late");
        assert_eq!(*cgroups.path(late), format!("id:{late}"));
        assert_eq!(cgroups.stats().walks, 1, "the first walk was just now");
        a_second_later(&mut cgroups);
        assert_eq!((&*cgroups.path(late), cgroups.stats().walks), ("/late", 2));
        a_second_later(&mut cgroups);
        cgroups.path(late);
        assert_eq!(cgroups.stats().walks, 2, "known ids cost nothing");
        cgroups.path(u64::MAX);
        assert!(cgroups.is_gone(u64::MAX), "asked for, walked, not there");
        a_second_later(&mut cgroups);
        cgroups.path(u64::MAX);
        assert_eq!(cgroups.stats().walks, 3, "nothing more to learn about it");
    }

    #[test]
    fn without_events_the_gone_are_found_every_minute() {
        let fake = Fake::new();
        let short = fake.make("short");
        let mut cgroups = over(&fake);
        fs::remove_dir(fake.0.join("short")).expect("made before");
        cgroups.refresh();
        assert!(!cgroups.is_gone(short));
        a_minute_later(&mut cgroups);
        cgroups.refresh();
        assert!(cgroups.is_gone(short));
        assert_eq!(&*cgroups.path(short), "/short", "kept");
        assert_eq!((cgroups.stats().known, cgroups.stats().kept, cgroups.stats().removed), (1, 1, 1));
        for _ in 0..10 {
            cgroups.refresh();
        }
        assert_eq!((cgroups.len(), cgroups.stats().kept), (1, 0), "and forgotten when nobody asks");
    }

    #[test]
    fn lost_events_are_made_up_for_by_one_walk() {
        let fake = Fake::new();
        let mut cgroups = over(&fake);
        let missed = fake.make("missed");
        cgroups.take_in(&Events::missing(1));
        cgroups.refresh();
        assert_eq!((cgroups.len(), cgroups.stats().walks), (1, 1), "not twice in a second");
        a_second_later(&mut cgroups);
        cgroups.refresh();
        assert_eq!((&*cgroups.path(missed), cgroups.stats().walks), ("/missed", 2), "but not forgotten");
        a_second_later(&mut cgroups);
        cgroups.take_in(&Events::missing(1));
        cgroups.refresh();
        assert_eq!((cgroups.stats().walks, cgroups.stats().lost_events), (2, 1), "nothing new was lost");
    }

    #[test]
    fn an_unmounted_hierarchy_has_a_root_and_no_other_names() {
        let mut cgroups = Cgroups::start(None, &Hierarchy { id: 0, mount: None });
        assert_eq!((&*cgroups.path(1), &*cgroups.path(2), cgroups.len()), ("/", "id:2", 2));
        cgroups.refresh();
        assert!(!cgroups.is_gone(1) && !cgroups.is_gone(2));
    }

    #[test]
    fn a_part_that_cannot_be_seen_is_not_gone() {
        let fake = Fake::new();
        let id = fake.make("a");
        let mut cgroups = over(&fake);
        let away = fake.0.with_extension("away");
        fs::rename(&fake.0, &away).expect("made before");
        a_minute_later(&mut cgroups);
        cgroups.refresh();
        fs::rename(&away, &fake.0).expect("moved before");
        assert_eq!((cgroups.is_gone(id), cgroups.stats().walks), (false, 2));
    }
}
