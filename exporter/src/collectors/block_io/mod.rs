//! Collector `block_io`: from slots, errors and devices to series.
//!
//! Every finished request is a sample of `size`; those of `duration`, what is in [`Unmeasured`], and nothing
//! else add up to the same number. Without durations there are sizes and errors only.

mod errors;
mod labels;
mod metrics;
mod operations;
mod tenants;

pub use errors::ErrorNames;
pub use metrics::*;
pub use operations::Operations;
pub use tenants::Unmeasured;

use anyhow::Result;
use exporter_common::block_io::{BlockErrorKey, BlockOwner};
use rustc_hash::FxHashMap;

use crate::{
    collectors::{Books, World},
    config::By,
    entities::{ledger::Claim, widen::Counter64},
    hooks::block::{Block, Parts},
    kernel::{btf::Btf, slots::Tenancy},
};
use labels::Naming;
use tenants::Tenants;

/// The state between two reads.
pub struct BlockIo {
    naming: Naming,
    tenants: Tenants,
    errors: FxHashMap<BlockErrorKey, ErrorSeries>,
    in_flight: FxHashMap<u32, Claim>,
}

struct ErrorSeries {
    cursor: Counter64,
    claim: Claim,
}

impl BlockIo {
    /// Before the first read of `slots` slots.
    pub fn new(btf: &Btf, slots: usize, parts: Parts, by: By) -> Self {
        let Parts { kept, durations, .. } = parts;
        Self {
            naming: Naming {
                durations,
                kept,
                by,
                operations: Operations::of(btf),
                errors: ErrorNames::of(btf),
            },
            tenants: Tenants::new(slots),
            errors: FxHashMap::default(),
            in_flight: FxHashMap::default(),
        }
    }

    /// Says whose requests they are in this way from now on.
    pub fn adopt(&mut self, by: By) {
        self.naming.by = by;
    }

    /// Gives all claims back.
    pub fn close(&mut self, books: &mut Books) {
        self.tenants.close(books);
        let errors = self.errors.drain().map(|(_, series)| series.claim);
        for claim in errors.chain(self.in_flight.drain().map(|(_, claim)| claim)) {
            books.release(claim);
        }
    }

    /// Reads everything that was counted since the last read. What is gone should be
    /// [evicted](Block::evict) before.
    pub fn read(&mut self, block: &mut Block, world: &mut World) -> Result<()> {
        let Self { naming, tenants, .. } = self;
        block.read_slots(|slot, tenancy, values| {
            let kept = cgroup(&tenancy).filter(|_| naming.kept.cgroup);
            let who = kept.map(|id| world.identities.who(id));
            tenants.visit(slot, tenancy, who, values, naming, &mut world.books);
        })?;
        self.read_errors(block, &mut world.books)?;
        self.read_devices(block, &mut world.books)
    }

    /// Finished requests without a duration, so far.
    pub fn unmeasured(&self) -> Unmeasured {
        self.tenants.unmeasured
    }

    fn read_errors(&mut self, block: &Block, books: &mut Books) -> Result<()> {
        for (key, count) in block.errors()? {
            let series = self.errors.entry(key).or_insert_with(|| {
                let labels = self.naming.error(&block.device_name(key.device), &key);
                ErrorSeries { cursor: Counter64::default(), claim: books.claim(&ERRORS, &labels) }
            });
            let by = books.increment(series.cursor.advance(count));
            books.count(&series.claim, by);
        }
        Ok(())
    }

    fn read_devices(&mut self, block: &mut Block, books: &mut Books) -> Result<()> {
        for device in block.devices()? {
            let Some(requests) = device.in_flight else {
                self.forget(device.number, books);
                continue;
            };
            if !self.naming.durations {
                continue; // nobody has counted its requests
            }
            let claim = self
                .in_flight
                .entry(device.number)
                .or_insert_with(|| books.claim(&IN_FLIGHT, &self.naming.device(&device.name)));
            books.ledger.set(claim, requests.cast_signed());
        }
        Ok(())
    }

    /// The device is gone.
    fn forget(&mut self, device: u32, books: &mut Books) {
        let errors = self.errors.extract_if(|key, _| key.device == device).map(|(_, series)| series.claim);
        for claim in errors.chain(self.in_flight.remove(&device)) {
            books.release(claim);
        }
    }
}

fn cgroup(tenancy: &Tenancy<BlockOwner>) -> Option<u64> {
    match tenancy {
        Tenancy::Goes(owner) | Tenancy::Began(owner) | Tenancy::Ends(owner) => Some(owner.cgroup),
        Tenancy::Fold => None,
    }
}
