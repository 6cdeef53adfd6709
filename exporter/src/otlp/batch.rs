//! What one request carries.

use std::time::SystemTime;

use crate::{
    catalogue::Metric,
    snapshot::{Family, Series, Snapshot},
};

/// What one request carries: series' values at a moment, or their increments up to it.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The moment.
    pub taken: SystemTime,
    /// Series with values. Their start is the moment from which the values count.
    pub families: Vec<Family>,
    /// Series that are no more, with values that nobody looks at.
    pub ended: Vec<Family>,
}

impl Batch {
    /// All of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self { taken: snapshot.taken, families: snapshot.families.clone(), ended: Vec::new() }
    }

    /// Points in it.
    pub fn points(&self) -> usize {
        self.families.iter().chain(&self.ended).map(|family| family.series.len()).sum()
    }

    /// Every metric with its series, and whether each has ended.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (&'static Metric, Vec<(&Series, bool)>)> {
        let all = self.families.iter().map(|family| {
            let ended = self.ended.iter().find(|other| other.metric == family.metric);
            let ended = ended.into_iter().flat_map(|family| &family.series).map(|series| (series, true));
            (family.metric, family.series.iter().map(|series| (series, false)).chain(ended).collect())
        });
        let shown = |metric| self.families.iter().any(|family| family.metric == metric);
        let gone = self.ended.iter().filter(move |family| !shown(family.metric));
        all.chain(gone.map(|family| {
            (family.metric, family.series.iter().map(|series| (series, true)).collect::<Vec<_>>())
        }))
    }
}
