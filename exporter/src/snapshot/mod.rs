//! The snapshot: all series at one moment, immutable, the one source of every exposition.

mod exponential;
mod histogram;
mod labels;

pub use exponential::Exponential;
pub use histogram::{HistogramDelta, HistogramValue, classic_bounds, upper_bound, zero_index};
pub use labels::{Label, Labels, text};

use std::{sync::Arc, time::SystemTime};

use crate::catalogue::Metric;

/// All series at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the maps were read.
    pub taken: SystemTime,
    /// Which of all snapshots this is.
    pub edition: Edition,
    /// One per metric, in the catalogue's order; no metric twice.
    pub families: Vec<Family>,
}

impl Snapshot {
    /// A snapshot without any series.
    pub fn empty(taken: SystemTime) -> Self {
        Self { taken, edition: Edition::default(), families: Vec::new() }
    }
}

/// Number of a snapshot. It says what was carried away when several are on their way at once; a delivery that
/// took long may be one of an older snapshot than the latest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Edition(u64);

impl Edition {
    /// The next snapshot's.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// All series of one metric.
#[derive(Clone, Debug)]
pub struct Family {
    /// What they are series of.
    pub metric: &'static Metric,
    /// No label set occurs twice; in the order of their labels.
    pub series: Vec<Series>,
}

/// One label set's value.
#[derive(Clone, Debug)]
pub struct Series {
    /// Who did it and what was done.
    pub labels: Labels,
    /// Since when increments have been added to it.
    pub start: SystemTime,
    /// Its value.
    pub value: Value,
}

/// A value in the unit in which it was measured; see [`Unit::per_exported`](crate::catalogue::Unit::per_exported).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a [`Kind::Counter`](crate::catalogue::Kind::Counter).
    Counter(u64),
    /// Of a [`Kind::Gauge`](crate::catalogue::Kind::Gauge).
    Gauge(i64),
    /// Of a histogram.
    Histogram(Arc<HistogramValue>),
}
