//! Who has carried which snapshot.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::snapshot::Edition;

/// Somebody who carries snapshots away: a scraper's address (without its port, which changes), an endpoint to
/// which is pushed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Consumer(String);

impl Consumer {
    /// A consumer by what tells it from others.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

/// What one consumer has carried.
struct Carried {
    latest: Edition,
    one_before: Edition,
    heard: Instant,
}

/// What everybody has carried.
///
/// A change that came after edition `e` is in every later edition, so it has been carried once by all when
/// the latest of each is later than `e`, and twice when the one before that is.
#[derive(Default)]
pub(super) struct Deliveries {
    consumers: BTreeMap<Consumer, Carried>,
    /// The lowest over all consumers; edition 0, which does not exist, when there are none.
    once_by_all: Edition,
    twice_by_all: Edition,
}

impl Deliveries {
    pub(super) fn add(&mut self, to: &Consumer, edition: Edition, now: Instant) {
        let nothing = Carried { latest: Edition::default(), one_before: Edition::default(), heard: now };
        let carried = self.consumers.entry(to.clone()).or_insert(nothing);
        carried.heard = now;
        if edition >= carried.latest {
            carried.one_before = std::mem::replace(&mut carried.latest, edition);
        } else {
            carried.one_before = carried.one_before.max(edition);
        }
        self.summarise();
    }

    /// Waits no longer for one who has gone.
    pub(super) fn forget(&mut self, consumer: &Consumer) {
        self.consumers.remove(consumer);
        self.summarise();
    }

    /// Waits no longer for those of whom nothing was heard for so long.
    pub(super) fn forget_silent(&mut self, silence: Duration, now: Instant) {
        self.consumers.retain(|_, carried| now.saturating_duration_since(carried.heard) < silence);
        self.summarise();
    }

    fn summarise(&mut self) {
        let lowest = |edition: fn(&Carried) -> Edition| self.consumers.values().map(edition).min();
        self.once_by_all = lowest(|carried| carried.latest).unwrap_or_default();
        self.twice_by_all = lowest(|carried| carried.one_before).unwrap_or_default();
    }

    /// Whether there are consumers and each has carried a change that came after `edition`.
    pub(super) fn once_since(&self, edition: Edition) -> bool {
        self.once_by_all > edition
    }

    /// The same, twice, so that one delivery that was lost on its way does no harm.
    pub(super) fn twice_since(&self, edition: Edition) -> bool {
        self.twice_by_all > edition
    }

    pub(super) fn consumers(&self) -> usize {
        self.consumers.len()
    }
}
