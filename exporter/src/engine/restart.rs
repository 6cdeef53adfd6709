//! From the exporter before this one, and to the one after it.

use anyhow::{Context as _, Result};

use super::Engine;
use crate::{
    collectors::registry,
    entities::ledger::Now,
    restart::{Kept, State},
    snapshot::Snapshot,
};

impl Engine {
    /// Goes on from where another exporter ended, with all that this one still knows; what it has come to by that.
    /// To be called before anybody reads. The second number is of series that are unknown here.
    pub fn resume(&mut self, state: State) -> (Snapshot, usize) {
        let books = &mut self.world.books;
        books.now = Now::read();
        let metrics = registry::descriptions().flat_map(|about| about.metrics).copied();
        let (series, unknown) = state.series(metrics);
        for Kept { metric, labels, start, value, cgroups } in series {
            let claim = books.ledger.inherit(metric, &labels, start, &value, books.now);
            // What is idle is met only when it does something again, and its series must not end before that.
            for id in cgroups {
                if self.world.identities.cgroups().is_there(id) {
                    let claim = books.claim(metric, &labels);
                    books.bequeath(Some(id), [claim]);
                }
            }
            // What nobody takes up lingers.
            books.release(claim);
        }
        (books.ledger.snapshot(books.now), unknown)
    }

    /// What the next exporter goes on from: everything up to the last read. Nothing is read any more.
    ///
    /// # Errors
    ///
    /// When the kernel does not say which boot this is.
    pub fn bequeath(&mut self) -> Result<State> {
        let Self { world, families, .. } = self;
        for mut family in families.iter_mut().filter_map(Option::take) {
            family.close(world);
        }
        let snapshot = world.books.ledger.snapshot(world.books.now);
        State::of(&snapshot, &world.books.heirs()).context("cannot keep the counters")
    }
}
