//! Collector `scheduler`: from slots to series of cgroups.

mod metrics;

pub use metrics::*;

use exporter_common::scheduler::{
    SCHEDULER_COUNTERS, SCHEDULER_HISTOGRAMS, SchedulerCounter, SchedulerHistogram, SchedulerSlot,
};

use super::World;
use crate::{
    catalogue::Metric,
    config::By,
    entities::{
        identity::{Who, whose},
        ledger::Claim,
        widen::{Counter32, HistogramCursor},
    },
    kernel::slots::Tenancy,
    snapshot::{HistogramDelta, Labels},
};

/// A part of a slot: its metric, and the value of its label.
type Part = (&'static Metric, Option<&'static str>);

/// What the parts of a slot are called.
static HISTOGRAMS: [Part; SCHEDULER_HISTOGRAMS] = {
    let mut parts: [Part; _] = [(&RUN_QUEUE_LATENCY, None); SCHEDULER_HISTOGRAMS];
    parts[SchedulerHistogram::OnCpu as usize] = (&ON_CPU_DURATION, None);
    parts[SchedulerHistogram::Interruptible as usize] = (&OFF_CPU_DURATION, Some("interruptible"));
    parts[SchedulerHistogram::Uninterruptible as usize] = (&OFF_CPU_DURATION, Some("uninterruptible"));
    parts[SchedulerHistogram::OtherSleep as usize] = (&OFF_CPU_DURATION, Some("other"));
    parts
};

const COUNTERS: [Part; SCHEDULER_COUNTERS] = {
    let mut parts: [Part; _] = [(&CONTEXT_SWITCHES, Some("voluntary")); SCHEDULER_COUNTERS];
    parts[SchedulerCounter::Involuntary as usize] = (&CONTEXT_SWITCHES, Some("involuntary"));
    parts[SchedulerCounter::Migrations as usize] = (&MIGRATIONS, None);
    parts
};

/// The state between two reads.
pub struct Scheduler {
    by: By,
    /// Those that are measured: all or none.
    histograms: &'static [Part],
    /// Per slot, for as long as the exporter runs: slots only grow.
    cursors: Vec<Cursors>,
    /// Per slot, for one tenancy.
    tenants: Vec<Option<Tenant>>,
    delta: HistogramDelta,
}

#[derive(Default)]
struct Cursors {
    histograms: [HistogramCursor; SCHEDULER_HISTOGRAMS],
    counters: [Counter32; SCHEDULER_COUNTERS],
}

impl Cursors {
    /// Whether nothing has come since the last read.
    fn are_at(&self, values: &SchedulerSlot) -> bool {
        let mut histograms = self.histograms.iter().zip(&values.histograms);
        let mut counters = self.counters.iter().zip(&values.counters);
        counters.all(|(cursor, raw)| cursor.is_at(*raw))
            && histograms.all(|(cursor, histogram)| cursor.is_at(&histogram.buckets, histogram.sum))
    }
}

struct Tenant {
    /// None for the fold.
    cgroup: Option<u64>,
    /// Nobody stands for the fold.
    who: Option<Who>,
    by: By,
    /// As many as are measured.
    histograms: Vec<Claim>,
    counters: [Claim; SCHEDULER_COUNTERS],
}

impl Scheduler {
    /// Before the first read of `slots` slots. `by` is how series say whose slot it is. Without `durations`
    /// there are counters only.
    pub fn new(slots: usize, by: By, durations: bool) -> Self {
        let histograms: &[Part] = if durations { &HISTOGRAMS } else { &[] };
        let mut cursors = Vec::new();
        cursors.resize_with(slots, Cursors::default);
        let mut tenants = Vec::new();
        tenants.resize_with(slots, || None);
        Self { by, histograms, cursors, tenants, delta: HistogramDelta::default() }
    }

    /// Says whose slots they are in this way from now on.
    pub fn adopt(&mut self, by: By) {
        self.by = by;
    }

    /// Bequeaths all claims.
    pub fn close(&mut self, world: &mut World) {
        for tenant in self.tenants.iter_mut().filter_map(Option::take) {
            world.books.bequeath(tenant.cgroup, tenant.histograms.into_iter().chain(tenant.counters));
        }
    }

    /// Takes the increments of one slot.
    pub fn visit(&mut self, slot: usize, tenancy: Tenancy<u64>, values: &SchedulerSlot, world: &mut World) {
        let cgroup = match tenancy {
            Tenancy::Goes(id) | Tenancy::Began(id) | Tenancy::Ends(id) => Some(id),
            Tenancy::Fold => None,
        };
        let who = cgroup.map(|id| world.identities.who(id));
        if matches!(tenancy, Tenancy::Fold)
            && self.tenants[slot].is_none()
            && self.cursors[slot].are_at(values)
        {
            return; // a fold in which nothing is needs no series
        }
        let (by, histograms) = (self.by, self.histograms);
        let tenant =
            self.tenants[slot].get_or_insert_with(|| Tenant::new(cgroup, who.clone(), by, histograms, world));
        if (&tenant.who, tenant.by) != (&who, by) {
            tenant.rename(who, by, histograms, world);
        }
        let cursors = &mut self.cursors[slot];
        let parts = cursors.histograms.iter_mut().zip(&values.histograms);
        for ((cursor, histogram), claim) in parts.zip(&tenant.histograms) {
            if let Err(behind) = cursor.advance(&histogram.buckets, histogram.sum, &mut self.delta) {
                world.books.note(behind);
            }
            world.books.observe(claim, &self.delta);
        }
        for (part, cursor) in cursors.counters.iter_mut().enumerate() {
            let by = world.books.increment(cursor.advance(values.counters[part]));
            world.books.count(&tenant.counters[part], by);
        }
        if matches!(tenancy, Tenancy::Ends(_)) || (slot != 0 && matches!(tenancy, Tenancy::Fold)) {
            self.release(slot, world);
        }
    }

    fn release(&mut self, slot: usize, world: &mut World) {
        let Some(tenant) = self.tenants[slot].take() else { return };
        for claim in tenant.histograms.into_iter().chain(tenant.counters) {
            world.books.release(claim);
        }
    }
}

impl Tenant {
    fn new(cgroup: Option<u64>, who: Option<Who>, by: By, histograms: &[Part], world: &mut World) -> Self {
        let whose = whose(who.as_ref(), by);
        let mut claim = |(metric, state): Part| world.books.claim(metric, &labels(&whose, metric, state));
        Self {
            cgroup,
            histograms: histograms.iter().copied().map(&mut claim).collect(),
            counters: COUNTERS.map(&mut claim),
            who,
            by,
        }
    }

    fn rename(&mut self, who: Option<Who>, by: By, histograms: &[Part], world: &mut World) {
        let whose = whose(who.as_ref(), by);
        let parts = histograms.iter().zip(&self.histograms).chain(COUNTERS.iter().zip(&self.counters));
        for ((metric, state), claim) in parts {
            world.books.ledger.rename(claim, &labels(&whose, metric, *state), world.books.now);
        }
        (self.who, self.by) = (who, by);
    }
}

/// The labels of a part of a slot.
fn labels(whose: &Labels, metric: &Metric, state: Option<&str>) -> Labels {
    whose.with(metric.attributes.first().copied().zip(state))
}
