//! From slots to series.

use exporter_common::block_io::{BlockOwner, BlockSlot};

use super::{DURATION, ERRORS, QUEUE_DURATION, SIZE, errors::ALWAYS_SHOWN, labels::Naming};
use crate::{
    catalogue::keys,
    collectors::Books,
    entities::{
        identity::Who,
        ledger::Claim,
        widen::{Behind, Counter64, HistogramCursor},
    },
    kernel::slots::Tenancy,
    snapshot::{HistogramDelta, Labels},
};

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
    duration: HistogramCursor,
    queue: HistogramCursor,
    size: HistogramCursor,
    missed_starts: Counter64,
    never_issued: Counter64,
}

impl Cursors {
    /// Whether nothing has come since the last read. Every finished request has a size.
    fn are_at(&self, values: &BlockSlot) -> bool {
        self.size.is_at(&values.size.buckets, values.size.sum)
            && self.queue.is_at(&values.queue.buckets, values.queue.sum)
    }
}

struct Tenant {
    /// Nobody stands for the fold.
    who: Option<Who>,
    /// Device and operation.
    what: Labels,
    duration: Claim,
    queue: Claim,
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
        if tenant.who != who {
            tenant.rename(who, naming, books);
        }
        let Self { cursors, delta, unmeasured, .. } = self;
        let cursors = &mut cursors[slot];
        let mut observe = |cursor: &mut HistogramCursor, claim, buckets: &[u32], sum| {
            if let Err(behind) = cursor.advance(buckets, sum, delta) {
                books.note(behind);
            }
            books.ledger.observe(claim, delta);
        };
        observe(&mut cursors.duration, &tenant.duration, &values.duration.buckets, values.duration.sum);
        observe(&mut cursors.queue, &tenant.queue, &values.queue.buckets, values.queue.sum);
        observe(&mut cursors.size, &tenant.size, &values.size.buckets, values.size.sum);
        let mut increment = |advanced: Result<u64, Behind>| books.increment(advanced);
        unmeasured.missed_starts += increment(cursors.missed_starts.advance(values.missed_starts));
        unmeasured.never_issued += increment(cursors.never_issued.advance(values.never_issued));
        if matches!(tenancy, Tenancy::Ends(_)) || (slot != 0 && matches!(tenancy, Tenancy::Fold)) {
            self.release(slot, books);
        }
    }

    fn release(&mut self, slot: usize, books: &mut Books) {
        let Some(tenant) = self.tenants[slot].take() else { return };
        for claim in [tenant.duration, tenant.queue, tenant.size].into_iter().chain(tenant.errors) {
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
        Self {
            errors: errors.collect(),
            duration: books.claim(&DURATION, &whose),
            queue: books.claim(&QUEUE_DURATION, &whose),
            size: books.claim(&SIZE, &what),
            who,
            what,
        }
    }

    fn rename(&mut self, who: Option<Who>, naming: &Naming, books: &mut Books) {
        let whose = naming.with_owner(&self.what, who.as_ref());
        for claim in [&self.duration, &self.queue] {
            books.ledger.rename(claim, &whose, books.now);
        }
        self.who = who;
    }
}
