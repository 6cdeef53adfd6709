//! Collector `stalls`: from slots and living threads to the time of threads.
//!
//! What a cgroup's threads spent is the sum of intervals that have ended, which are in slots, and of those that go on,
//! which the task iterator tells. Slots are read first: an interval that ends in between is missing in this read, and is
//! never in both. So the sum can be less than it was at the last read, for a moment: what is shown waits until it has caught
//! up, and nothing is lost.

mod metrics;
mod ongoing;

pub use metrics::*;

use exporter_common::{
    process::TaskRecord,
    scheduler::{SchedulerHistogram, SchedulerSlot},
    stalls::{ACTIVITIES, Activity},
};
use rustc_hash::FxHashMap;

use super::{Books, World};
use crate::{
    catalogue::keys,
    config::By,
    entities::{
        identity::{Who, whose},
        ledger::Claim,
        widen::Counter64,
    },
    kernel::slots::Tenancy,
    snapshot::Labels,
};

/// What activities are called, by their numbers.
const NAMES: [&str; ACTIVITIES] = [
    "running",
    "run_queue",
    "block_io",
    "reclaim",
    "compaction",
    "uninterruptible",
    "futex",
    "poll",
    "timer",
    "child",
    "socket",
    "file",
    "other",
    "idle",
];

/// In the place of a cgroup's id: what has no slot of its own.
const FOLD: u64 = 0;

/// The state between two reads.
pub struct Stalls {
    by: By,
    /// Per slot, for as long as the exporter runs: slots only grow.
    cursors: Vec<Cursors>,
    /// By cgroup.
    tenants: FxHashMap<u64, Tenant>,
}

#[derive(Clone, Default)]
struct Cursors {
    activities: [Counter64; ACTIVITIES],
    /// Sums of the scheduler's histograms, where it has any.
    on_cpu: Counter64,
    run_queue: Counter64,
}

struct Tenant {
    /// Nobody stands for the fold.
    who: Option<Who>,
    by: By,
    times: [Time; ACTIVITIES],
    claims: [Option<Claim>; ACTIVITIES],
    /// It has a slot, or a thread.
    is_here: bool,
}

/// Nanoseconds of one activity.
#[derive(Clone, Copy, Default)]
struct Time {
    /// Of intervals that have ended.
    ended: u64,
    /// Of intervals that go on, at this read.
    ongoing: u64,
    /// What was counted of both.
    shown: u64,
}

impl Time {
    /// What has come since the last read, if it is more than was shown.
    fn increment(&mut self) -> u64 {
        let by = (self.ended + self.ongoing).saturating_sub(self.shown);
        self.shown += by;
        by
    }
}

impl Stalls {
    /// Before the first read of `slots` slots. `by` is how series say whose threads they are.
    pub fn new(slots: usize, by: By) -> Self {
        Self { by, cursors: vec![Cursors::default(); slots], tenants: FxHashMap::default() }
    }

    /// Says whose threads they are in this way from now on.
    pub fn adopt(&mut self, by: By) {
        self.by = by;
    }

    /// Bequeaths all claims.
    pub fn close(&mut self, books: &mut Books) {
        for (id, tenant) in self.tenants.drain() {
            books.bequeath((id != FOLD).then_some(id), tenant.claims.into_iter().flatten());
        }
    }

    /// Takes what has ended, of one slot.
    pub fn visit(&mut self, slot: usize, tenancy: Tenancy<u64>, values: &SchedulerSlot, world: &mut World) {
        let id = match tenancy {
            Tenancy::Goes(id) | Tenancy::Began(id) | Tenancy::Ends(id) => id,
            Tenancy::Fold => FOLD,
        };
        let cursors = &mut self.cursors[slot];
        let mut ended = [0; ACTIVITIES];
        for ((ended, cursor), value) in ended.iter_mut().zip(&mut cursors.activities).zip(values.activities) {
            *ended = world.books.increment(cursor.advance(value));
        }
        let sum = |histogram: SchedulerHistogram| values.histograms[histogram as usize].sum;
        ended[Activity::Running as usize] +=
            world.books.increment(cursors.on_cpu.advance(sum(SchedulerHistogram::OnCpu)));
        ended[Activity::RunQueue as usize] +=
            world.books.increment(cursors.run_queue.advance(sum(SchedulerHistogram::RunQueue)));
        if id == FOLD && ended == [0; ACTIVITIES] {
            return;
        }
        let tenant = self.tenant(id);
        tenant.is_here = true;
        for (time, ended) in tenant.times.iter_mut().zip(ended) {
            time.ended += ended;
        }
    }

    /// Takes what goes on, of all living threads, and enters everything. `full` says that new cgroups get no slot: what
    /// their threads do will be the fold's.
    pub fn finish(&mut self, living: impl Iterator<Item = TaskRecord>, full: bool, world: &mut World) {
        for TaskRecord { cgroup, ongoing, .. } in living {
            let known = self.tenants.contains_key(&cgroup) || !full;
            let tenant = self.tenant(if known { cgroup } else { FOLD });
            tenant.is_here = true;
            ongoing::parts(&ongoing, |activity, nanoseconds| {
                if let Some(time) = tenant.times.get_mut(activity as usize) {
                    time.ongoing += nanoseconds;
                }
            });
        }
        let Self { by, tenants, .. } = self;
        tenants.retain(|id, tenant| {
            let who = (*id != FOLD).then(|| world.identities.who(*id));
            tenant.enter(who, *by, &mut world.books);
            if std::mem::take(&mut tenant.is_here) || *id == FOLD {
                return true;
            }
            tenant.claims.iter_mut().filter_map(Option::take).for_each(|claim| world.books.release(claim));
            false
        });
    }

    fn tenant(&mut self, id: u64) -> &mut Tenant {
        let by = self.by;
        self.tenants.entry(id).or_insert_with(|| Tenant {
            who: None,
            by,
            times: [Time::default(); ACTIVITIES],
            claims: [const { None }; ACTIVITIES],
            is_here: true,
        })
    }
}

impl Tenant {
    /// Counts what has come, under the names of now.
    fn enter(&mut self, who: Option<Who>, by: By, books: &mut Books) {
        let whose = whose(who.as_ref(), by);
        if (&self.who, self.by) != (&who, by) {
            for (claim, name) in self.claims.iter().zip(NAMES) {
                if let Some(claim) = claim {
                    books.ledger.rename(claim, &labels(&whose, name), books.now);
                }
            }
            (self.who, self.by) = (who, by);
        }
        for ((time, claim), name) in self.times.iter_mut().zip(&mut self.claims).zip(NAMES) {
            let increment = time.increment();
            time.ongoing = 0;
            if increment > 0 {
                let claim = claim.get_or_insert_with(|| books.claim(&THREAD_TIME, &labels(&whose, name)));
                books.count(claim, increment);
            }
        }
    }
}

fn labels(whose: &Labels, activity: &str) -> Labels {
    whose.with([(&keys::ACTIVITY, activity)])
}
