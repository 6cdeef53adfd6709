//! Series that another exporter has begun.

use std::{sync::Arc, time::SystemTime};

use super::{Claim, Ledger, Now};
use crate::{
    catalogue::Metric,
    snapshot::{Labels, Value},
};

impl Ledger {
    /// A hold on a label set whose series goes on from what another ledger has counted since `start`, which nobody
    /// counts here as well. Without a place for it there is no such series: it has ended, and what comes is the
    /// fold's.
    pub fn inherit(
        &mut self,
        metric: &'static Metric,
        labels: &Labels,
        start: SystemTime,
        value: &Value,
        now: Now,
    ) -> Claim {
        let claim = self.claim(metric, labels, now);
        let id = self.claims[claim.0].label_set;
        if let Some(series) = &mut self.label_sets[id].series {
            series.start = start.min(series.start);
            match (&mut series.value, value) {
                (Value::Counter(total), Value::Counter(before)) => *total = total.wrapping_add(*before),
                (Value::Histogram(total), Value::Histogram(before)) => Arc::make_mut(total).merge(before),
                _ => self.dropped += 1,
            }
        }
        claim
    }
}
