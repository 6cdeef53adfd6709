//! Collector `scheduler`: from slots to series of cgroups.

mod metrics;

pub use metrics::*;

use std::sync::Arc;

use exporter_common::scheduler::{
    SCHEDULER_COUNTERS, SCHEDULER_HISTOGRAMS, SchedulerCounter, SchedulerHistogram, SchedulerSlot,
};

use super::World;
use crate::{
    catalogue::{Key, Metric, keys},
    entities::{
        ledger::Claim,
        widen::{Counter32, HistogramCursor},
    },
    kernel::slots::Tenancy,
    snapshot::{HistogramDelta, Labels},
};

/// What the parts of a slot are called.
const HISTOGRAMS: [(&Metric, Option<&str>); SCHEDULER_HISTOGRAMS] = {
    let mut parts = [(&RUN_QUEUE_LATENCY, None); SCHEDULER_HISTOGRAMS];
    parts[SchedulerHistogram::OnCpu as usize] = (&ON_CPU_DURATION, None);
    parts[SchedulerHistogram::Interruptible as usize] = (&OFF_CPU_DURATION, Some("interruptible"));
    parts[SchedulerHistogram::Uninterruptible as usize] = (&OFF_CPU_DURATION, Some("uninterruptible"));
    parts[SchedulerHistogram::OtherSleep as usize] = (&OFF_CPU_DURATION, Some("other"));
    parts
};

const COUNTERS: [(&Metric, Option<&str>); SCHEDULER_COUNTERS] = {
    let mut parts = [(&CONTEXT_SWITCHES, Some("voluntary")); SCHEDULER_COUNTERS];
    parts[SchedulerCounter::Involuntary as usize] = (&CONTEXT_SWITCHES, Some("involuntary"));
    parts[SchedulerCounter::Migrations as usize] = (&MIGRATIONS, None);
    parts
};

/// The state between two reads.
pub struct Scheduler {
    /// Whether series keep the cgroup.
    by_cgroup: bool,
    /// Per slot, for as long as the exporter runs: slots only grow.
    cursors: Vec<Cursors>,
    /// Per slot, for one tenancy.
    tenants: Vec<Option<Tenant>>,
    delta: HistogramDelta,
}

#[derive(Clone, Default)]
struct Cursors {
    histograms: [HistogramCursor; SCHEDULER_HISTOGRAMS],
    counters: [Counter32; SCHEDULER_COUNTERS],
}

impl Cursors {
    /// Whether anything has come since the last read.
    fn would_move(&self, values: &SchedulerSlot) -> bool {
        let mut cursors = self.clone();
        let mut delta = HistogramDelta::default();
        cursors.histograms.iter_mut().zip(&values.histograms).any(|(cursor, histogram)| {
            cursor.advance(&histogram.buckets, histogram.sum, &mut delta).is_err() || !delta.is_empty()
        }) || cursors
            .counters
            .iter_mut()
            .zip(&values.counters)
            .any(|(cursor, raw)| cursor.advance(*raw) != Ok(0))
    }
}

struct Tenant {
    path: Option<Arc<str>>,
    histograms: [Claim; SCHEDULER_HISTOGRAMS],
    counters: [Claim; SCHEDULER_COUNTERS],
}

impl Scheduler {
    /// Before the first read of `slots` slots.
    pub fn new(slots: usize, by_cgroup: bool) -> Self {
        let mut cursors = Vec::new();
        cursors.resize_with(slots, Cursors::default);
        let mut tenants = Vec::new();
        tenants.resize_with(slots, || None);
        Self { by_cgroup, cursors, tenants, delta: HistogramDelta::default() }
    }

    /// Takes the increments of one slot.
    pub fn visit(&mut self, slot: usize, tenancy: Tenancy<u64>, values: &SchedulerSlot, world: &mut World) {
        let path = match tenancy {
            Tenancy::Goes(id) | Tenancy::Began(id) | Tenancy::Ends(id) => Some(world.cgroups.path(id)),
            Tenancy::Fold => None,
        };
        if tenancy == Tenancy::Fold && self.tenants[slot].is_none() && !self.cursors[slot].would_move(values)
        {
            return; // a fold in which nothing is needs no series
        }
        let by_cgroup = self.by_cgroup;
        let tenant = self.tenants[slot].get_or_insert_with(|| Tenant::new(path.clone(), by_cgroup, world));
        if tenant.path != path {
            tenant.rename(path, by_cgroup, world);
        }
        let cursors = &mut self.cursors[slot];
        for (part, cursor) in cursors.histograms.iter_mut().enumerate() {
            let histogram = &values.histograms[part];
            if let Err(behind) = cursor.advance(&histogram.buckets, histogram.sum, &mut self.delta) {
                world.note(behind);
            }
            world.ledger.observe(&tenant.histograms[part], &self.delta);
        }
        for (part, cursor) in cursors.counters.iter_mut().enumerate() {
            let by = world.increment(cursor.advance(values.counters[part]));
            world.ledger.count(&tenant.counters[part], by);
        }
        if matches!(tenancy, Tenancy::Ends(_)) || (slot != 0 && matches!(tenancy, Tenancy::Fold)) {
            self.release(slot, world);
        }
    }

    fn release(&mut self, slot: usize, world: &mut World) {
        let Some(tenant) = self.tenants[slot].take() else { return };
        for claim in tenant.histograms.into_iter().chain(tenant.counters) {
            world.ledger.release(claim, world.now);
        }
    }
}

impl Tenant {
    fn new(path: Option<Arc<str>>, by_cgroup: bool, world: &mut World) -> Self {
        let mut claim = |(metric, state): (&'static Metric, Option<&str>)| {
            world.ledger.claim(metric, &labels(path.as_deref(), by_cgroup, metric, state), world.now)
        };
        Self { histograms: HISTOGRAMS.map(&mut claim), counters: COUNTERS.map(&mut claim), path }
    }

    fn rename(&mut self, path: Option<Arc<str>>, by_cgroup: bool, world: &mut World) {
        let parts = HISTOGRAMS.iter().zip(&self.histograms).chain(COUNTERS.iter().zip(&self.counters));
        for ((metric, state), claim) in parts {
            world.ledger.rename(claim, &labels(path.as_deref(), by_cgroup, metric, *state), world.now);
        }
        self.path = path;
    }
}

/// The labels of a part of a slot; without a path, those of the fold.
fn labels(path: Option<&str>, by_cgroup: bool, metric: &Metric, state: Option<&str>) -> Labels {
    let attribute: Option<&'static Key> = metric.attributes.first().copied();
    let attribute = attribute.zip(state);
    let cgroup = by_cgroup.then(|| (&keys::CGROUP, path.unwrap_or_default()));
    let labels = Labels::new(cgroup.into_iter().chain(attribute));
    if path.is_none() { labels.folded() } else { labels }
}
