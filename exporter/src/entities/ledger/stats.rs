//! What the ledger says about itself.

use super::{
    Ledger,
    label_set::{LabelSet, Standing},
};
use crate::catalogue::Metric;

/// What a ledger holds.
#[derive(Clone, Debug)]
pub struct Stats {
    /// In the order of the snapshot's families, with those that have nothing yet.
    pub metrics: Vec<MetricStats>,
    /// Those who have carried a snapshot lately.
    pub consumers: usize,
    /// Calls that did not fit the metric's kind, and increments without a series. Zero, or there is a defect.
    pub dropped: u64,
}

/// What a ledger holds of one metric.
#[derive(Clone, Debug)]
pub struct MetricStats {
    /// The metric.
    pub metric: &'static Metric,
    /// Series in the next snapshot.
    pub series: usize,
    /// Label sets whose names are still to come.
    pub withheld: usize,
    /// How many of the series only linger.
    pub lingering: usize,
    /// Places taken, of [`Limits::label_sets_per_metric`](super::Limits::label_sets_per_metric).
    pub places: usize,
    /// Label sets that are claimed and shown as part of the fold.
    pub folded: usize,
    /// Claims on those.
    pub folded_claims: usize,
}

impl Ledger {
    /// What it holds now.
    pub fn stats(&self) -> Stats {
        let metrics = self.books.iter().map(|book| {
            let label_sets = || book.index.values().map(|id| &self.label_sets[*id]);
            let waiting = || label_sets().filter(|set| set.is_waiting());
            MetricStats {
                metric: book.metric,
                series: label_sets().filter(|set| set.shown().is_some()).count(),
                withheld: label_sets().filter(|set| set.standing == Standing::Withheld).count(),
                lingering: label_sets().filter(|set| set.lingers_since.is_some()).count(),
                places: book.places_taken,
                folded: waiting().count(),
                folded_claims: waiting().map(|set: &LabelSet| set.users as usize).sum(),
            }
        });
        Stats { metrics: metrics.collect(), consumers: self.deliveries.consumers(), dropped: self.dropped }
    }
}
