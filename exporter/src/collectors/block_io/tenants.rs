//! From slots to series.

use exporter_common::block_io::{BlockOwner, BlockSlot};

use super::{DURATION, ERRORS, QUEUE_DURATION, SIZE, errors::ALWAYS_SHOWN, labels::Naming};
use crate::{
    catalogue::{Metric, keys},
    collectors::Books,
    config::By,
    entities::{
        identity::Who,
        ledger::Claim,
        widen::{Behind, Counter64, HistogramCursor},
    },
    kernel::slots::Tenancy,
    snapshot::{HistogramDelta, Labels},
};

/// The histograms of durations.
static DURATIONS: [&Metric; 2] = [&DURATION, &QUEUE_DURATION];

/// The state of all slots between two reads.
pub(super) struct Tenants {
    /// Per slot, for as long as the exporter runs: slots only grow.
    cursors: Vec<Cursors>,
    /// Per slot, for one tenancy.
    tenants: Vec<Option<Tenant>>,
    delta: HistogramDelta,
    /// Over all slots.
    pub(super) unmeasured: Unmeasured,
}

/// Finished requests without a duration.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Unmeasured {
    /// Their start was not seen.
    pub missed_starts: u64,
    /// No device was given them.
    pub never_issued: u64,
}

#[derive(Default)]
struct Cursors {
    /// Of [`DURATIONS`].
    durations: [HistogramCursor; DURATIONS.len()],
    size: HistogramCursor,
    missed_starts: Counter64,
    never_issued: Counter64,
}

impl Cursors {
    /// Whether nothing has come since the last read. Every finished request has a size.
    fn are_at(&self, values: &BlockSlot) -> bool {
        let [_, queue] = &self.durations;
        self.size.is_at(&values.size, values.size_sum) && queue.is_at(&values.queue, values.queue_sum)
    }
}

struct Tenant {
    /// None where cgroups are not told apart, and for the fold.
    cgroup: Option<u64>,
    /// Nobody stands for the fold.
    who: Option<Who>,
    by: By,
    /// Device and operation.
    what: Labels,
    /// Of [`DURATIONS`]; none where they are not measured.
    durations: Vec<Claim>,
    size: Claim,
    /// Nothing is added to these here: they let errors be seen before there are any.
    errors: Vec<Claim>,
}

impl Tenants {
    pub(super) fn new(slots: usize) -> Self {
        let mut cursors = Vec::new();
        cursors.resize_with(slots, Cursors::default);
        let mut tenants = Vec::new();
        tenants.resize_with(slots, || None);
        Self { cursors, tenants, delta: HistogramDelta::default(), unmeasured: Unmeasured::default() }
    }

    /// Takes the increments of one slot.
    pub(super) fn visit(
        &mut self,
        slot: usize,
        tenancy: Tenancy<BlockOwner>,
        who: Option<Who>,
        values: &BlockSlot,
        naming: &Naming,
        books: &mut Books,
    ) {
        if matches!(tenancy, Tenancy::Fold)
            && self.tenants[slot].is_none()
            && self.cursors[slot].are_at(values)
        {
            return; // a fold in which nothing is needs no series
        }
        let owner = match tenancy {
            Tenancy::Goes(owner) | Tenancy::Began(owner) | Tenancy::Ends(owner) => Some(owner),
            Tenancy::Fold => None,
        };
        let tenant =
            self.tenants[slot].get_or_insert_with(|| Tenant::new(owner.as_ref(), who.clone(), naming, books));
        if (&tenant.who, tenant.by) != (&who, naming.by) {
            tenant.rename(who, naming, books);
        }
        let Self { cursors, delta, unmeasured, .. } = self;
        let cursors = &mut cursors[slot];
        let mut observe = |cursor: &mut HistogramCursor, claim, buckets: &[u32], sum| {
            if let Err(behind) = cursor.advance(buckets, sum, delta) {
                books.note(behind);
            }
            books.observe(claim, delta);
        };
        let durations = [(&values.duration, values.duration_sum), (&values.queue, values.queue_sum)];
        let parts = cursors.durations.iter_mut().zip(&tenant.durations);
        for ((cursor, claim), (buckets, sum)) in parts.zip(durations) {
            observe(cursor, claim, buckets, sum);
        }
        observe(&mut cursors.size, &tenant.size, &values.size, values.size_sum);
        let mut increment = |advanced: Result<u64, Behind>| books.increment(advanced);
        unmeasured.missed_starts += increment(cursors.missed_starts.advance(values.missed_starts));
        unmeasured.never_issued += increment(cursors.never_issued.advance(values.never_issued));
        if matches!(tenancy, Tenancy::Ends(_)) || (slot != 0 && matches!(tenancy, Tenancy::Fold)) {
            self.release(slot, books);
        }
    }

    /// Bequeaths all claims.
    pub(super) fn close(&mut self, books: &mut Books) {
        for tenant in self.tenants.iter_mut().filter_map(Option::take) {
            let claims = tenant.durations.into_iter().chain([tenant.size]).chain(tenant.errors);
            books.bequeath(tenant.cgroup, claims);
        }
    }

    fn release(&mut self, slot: usize, books: &mut Books) {
        let Some(tenant) = self.tenants[slot].take() else { return };
        for claim in tenant.durations.into_iter().chain([tenant.size]).chain(tenant.errors) {
            books.release(claim);
        }
    }
}

impl Tenant {
    fn new(owner: Option<&BlockOwner>, who: Option<Who>, naming: &Naming, books: &mut Books) -> Self {
        let what = owner.map_or_else(|| naming.fold(), |owner| naming.tenant(owner));
        let whose = naming.with_owner(&what, who.as_ref());
        // No error is ever counted for what has no slot: errors have keys of their own.
        let shown: &[&str] = if owner.is_some() { &ALWAYS_SHOWN } else { &[] };
        let errors = shown.iter().map(|error| books.claim(&ERRORS, &what.with([(&keys::ERROR, *error)])));
        let durations: &[&Metric] = if naming.durations { &DURATIONS } else { &[] };
        Self {
            errors: errors.collect(),
            durations: durations.iter().map(|metric| books.claim(metric, &whose)).collect(),
            size: books.claim(&SIZE, &what),
            cgroup: owner.filter(|_| naming.kept.cgroup).map(|owner| owner.cgroup),
            who,
            by: naming.by,
            what,
        }
    }

    fn rename(&mut self, who: Option<Who>, naming: &Naming, books: &mut Books) {
        let whose = naming.with_owner(&self.what, who.as_ref());
        for claim in &self.durations {
            books.ledger.rename(claim, &whose, books.now);
        }
        (self.who, self.by) = (who, naming.by);
    }
}
