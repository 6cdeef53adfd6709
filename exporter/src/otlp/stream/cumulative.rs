//! Sums since the start of each series.

use std::collections::HashSet;

use crate::{
    catalogue::{Kind, Metric},
    otlp::batch::Batch,
    snapshot::{Family, Labels, Series, Snapshot, Value},
};

/// See [`Stream::Cumulative`](super::Stream::Cumulative).
#[derive(Debug, Default)]
pub struct Cumulative {
    /// Series that the endpoint knows.
    known: Names,
    /// Those of the batch on its way.
    sent: Option<Names>,
}

impl Cumulative {
    pub(super) fn next(&mut self, snapshot: &Snapshot) -> Batch {
        let ended = self.known.missing_in(snapshot);
        self.sent = Some(Names::of(snapshot, |_| true));
        Batch { ended, ..Batch::of(snapshot) }
    }

    pub(super) fn accepted(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.known = sent;
        }
    }

    pub(super) fn refused(&mut self) {
        self.sent = None;
    }
}

/// The series of a snapshot without their values, to see later which have ended.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<Family>);

impl Names {
    /// The series of some metrics.
    pub(super) fn of(snapshot: &Snapshot, metrics: impl Fn(Kind) -> bool) -> Self {
        let families = snapshot.families.iter().filter(|family| metrics(family.metric.kind));
        Self(
            families
                .map(|family| Family { metric: family.metric, series: without_values(&family.series) })
                .collect(),
        )
    }

    /// Those that are not in a snapshot.
    pub(super) fn missing_in(&self, snapshot: &Snapshot) -> Vec<Family> {
        let shown: HashSet<(&'static Metric, &Labels)> = snapshot
            .families
            .iter()
            .flat_map(|family| family.series.iter().map(|series| (family.metric, &series.labels)))
            .collect();
        let families = self.0.iter().map(|Family { metric, series }| {
            let gone = series.iter().filter(|series| !shown.contains(&(*metric, &series.labels)));
            Family { metric, series: gone.cloned().collect() }
        });
        families.filter(|family| !family.series.is_empty()).collect()
    }
}

/// The same series with a value that takes no memory.
fn without_values(series: &[Series]) -> Vec<Series> {
    let bare = |series: &Series| Series {
        labels: series.labels.clone(),
        start: series.start,
        value: Value::Gauge(0),
    };
    series.iter().map(bare).collect()
}
