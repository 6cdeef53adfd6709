//! The table of who is who.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use super::{
    naming::{InPod, Member, names, placeholder_name, withheld},
    who::{Names, Who},
};
use crate::{
    config::By,
    entities::{
        cgroups::Cgroups,
        kubernetes::Pods,
        ledger::{Ledger, Now},
        place::Place,
    },
};

/// Containers that wait at most: their series cost memory that no budget counts.
const MOST_WAITING: usize = 1_024;

/// For how many reads an answer is kept after somebody last asked for it.
const REMEMBERED_READS: u64 = 8;

/// Who every cgroup is.
pub struct Identities {
    cgroups: Cgroups,
    pods: Pods,
    /// The state of the pods from which the answers were made.
    pods_version: u64,
    patience: Duration,
    /// Who will be asked, at this time at the latest.
    next_pods: Option<(Pods, Instant)>,
    known: FxHashMap<u64, Known>,
    /// Cgroups whose names are awaited, and until when.
    waiting: BTreeMap<u64, Instant>,
    read: u64,
    now: Instant,
}

struct Known {
    path: Arc<str>,
    place: Place,
    who: Who,
    /// Nothing better than what the path says.
    is_unnamed: bool,
    /// The read in which somebody last asked.
    asked: u64,
}

/// How many are known how well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityStats {
    /// Cgroups of pods whose names are awaited; their increments are not shown yet.
    pub withheld: usize,
    /// Cgroups of pods that are shown without names.
    pub unnamed: usize,
}

impl Identities {
    /// With all cgroups that are there, and what is known of this node's pods.
    pub fn new(cgroups: Cgroups, pods: Pods) -> Self {
        Self {
            cgroups,
            pods_version: pods.version(),
            patience: pods.patience(),
            pods,
            next_pods: None,
            known: FxHashMap::default(),
            waiting: BTreeMap::new(),
            read: 0,
            now: Instant::now(),
        }
    }

    /// Takes in what has happened since the last call; to be called once per read, before anybody is asked
    /// for. Names that have come in are disclosed to the ledger.
    pub fn refresh(&mut self, ledger: &mut Ledger, now: Now) {
        self.cgroups.refresh();
        self.now = now.monotonic;
        self.read += 1;
        let is_news = self.ask_next() | (self.pods.version() != self.pods_version);
        self.pods_version = self.pods.version();
        if is_news {
            self.rename_all();
        }
        self.end_waiting(is_news, ledger, now);
        let oldest = self.read.saturating_sub(REMEMBERED_READS);
        let waiting = &self.waiting;
        self.known.retain(|id, known| known.asked >= oldest || waiting.contains_key(id));
    }

    /// Names come from there as soon as it knows all pods, or its own patience has gone by without that.
    pub fn ask(&mut self, pods: Pods) {
        let until = self.now + pods.patience();
        self.next_pods = Some((pods, until));
    }

    /// Whether others are asked from now on.
    fn ask_next(&mut self) -> bool {
        let Some((pods, _)) = self.next_pods.take_if(|(pods, until)| pods.is_ready() || *until <= self.now)
        else {
            return false;
        };
        self.patience = pods.patience();
        self.pods = pods;
        true
    }

    /// From the next read on, all are shown with the names that they have.
    pub fn stop_waiting(&mut self) {
        self.patience = Duration::ZERO;
        for until in self.waiting.values_mut() {
            *until = self.now;
        }
    }

    /// Who the cgroup is.
    pub fn who(&mut self, id: u64) -> Who {
        let path = self.cgroups.path(id);
        if let Some(known) = self.known.get_mut(&id) {
            known.asked = self.read;
            if Arc::ptr_eq(&known.path, &path) || known.path == path || self.waiting.contains_key(&id) {
                return known.who.clone();
            }
        }
        self.meet(id, path)
    }

    /// Whether the cgroup was removed.
    pub fn is_gone(&self, id: u64) -> bool {
        self.cgroups.is_gone(id)
    }

    /// The table of cgroups.
    pub fn cgroups(&self) -> &Cgroups {
        &self.cgroups
    }

    /// How many are known how well.
    pub fn stats(&self) -> IdentityStats {
        let unnamed = self.known.values().filter(|known| known.is_unnamed).count();
        IdentityStats { withheld: self.waiting.len(), unnamed: unnamed.saturating_sub(self.waiting.len()) }
    }

    fn meet(&mut self, id: u64, path: Arc<str>) -> Who {
        let place = Place::of(&path);
        let (mut names, is_named) = self.names(&path, &place, false);
        let is_unnamed = place.pod.is_some() && !is_named;
        // A cgroup that was renamed has been shown already.
        let is_new = !self.known.contains_key(&id);
        let can_wait = !self.patience.is_zero() && self.waiting.len() < MOST_WAITING;
        if is_unnamed && is_new && can_wait {
            self.waiting.insert(id, self.now + self.patience);
            names = withheld(id, &path);
        }
        let who = Who::new(names);
        let known = Known { path, place, who: who.clone(), is_unnamed, asked: self.read };
        self.known.insert(id, known);
        who
    }

    /// Makes those answers anew that have become other ones.
    fn rename_all(&mut self) {
        let mut known = std::mem::take(&mut self.known);
        for (id, known) in &mut known {
            if known.place.pod.is_some() && !self.waiting.contains_key(id) {
                // It was shown before, so it is no longer waited for.
                self.rename(known, true);
            }
        }
        self.known = known;
    }

    /// Whether it has all the names that it will ever have.
    fn rename(&self, known: &mut Known, waited: bool) -> bool {
        let (names, is_named) = self.names(&known.path, &known.place, waited);
        known.is_unnamed = !is_named;
        // Who still waits keeps the placeholder.
        if (waited || is_named) && *known.who.names() != names {
            known.who = Who::new(names);
        }
        is_named
    }

    /// Shows those whose names have come, or who have waited for too long.
    fn end_waiting(&mut self, is_news: bool, ledger: &mut Ledger, now: Now) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|id, until| {
            let Some(mut known) = self.known.remove(id) else { return false };
            let is_over = *until <= now.monotonic;
            let is_named = (is_over || is_news) && self.rename(&mut known, is_over);
            let ends = is_over || is_named;
            if ends {
                for by in [By::Container, By::Workload] {
                    ledger.disclose(&placeholder_name(*id, by), &known.who.labels(by), now);
                }
            }
            self.known.insert(*id, known);
            !ends
        });
        self.waiting = waiting;
    }

    /// The labels, and whether they are all that the cgroup will ever have.
    ///
    /// A container that its pod does not list is the sandbox, once it has `waited`: a container that has just
    /// been restarted is not listed either.
    fn names(&self, path: &str, place: &Place, waited: bool) -> (Names, bool) {
        let Some(in_path) = &place.pod else { return (names(path, place, None), true) };
        let Some(container) = &place.container else {
            let pod = self.pods.pod(&in_path.uid);
            let known = pod.as_deref().map(|pod| InPod { pod, container: Member::None });
            return (names(path, place, known), known.is_some());
        };
        if let Some(named) = self.pods.container(&container.id, Some(&in_path.uid)) {
            let known = InPod { pod: &named.pod, container: Member::Container(&named.name) };
            return (names(path, place, Some(known)), true);
        }
        let Some(pod) = self.pods.pod(&in_path.uid) else { return (names(path, place, None), false) };
        let is_sandbox = waited && pod.containers_known;
        let container = if is_sandbox { Member::Sandbox } else { Member::Unnamed };
        (names(path, place, Some(InPod { pod: &pod, container })), is_sandbox)
    }
}
