//! One label set of one metric, and its series.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use crate::snapshot::Edition;
use crate::{
    catalogue::Kind,
    snapshot::{HistogramValue, Labels, Value},
};

/// Number of a label set.
pub(super) type Id = usize;

/// A label set that somebody claims, or whose series lingers.
pub(super) struct LabelSet {
    /// Index of its metric.
    pub(super) book: usize,
    pub(super) labels: Labels,
    pub(super) standing: Standing,
    /// Claims on it, and label sets that are folded into it.
    pub(super) users: u32,
    /// Always there unless it is folded or disclosed.
    pub(super) series: Option<Series>,
    /// Since when nobody adds to its series any more.
    pub(super) lingers_since: Option<Instant>,
    pub(super) activity: Activity,
    /// For a gauge: the sum over the claims on it, whichever series shows it.
    pub(super) level: i64,
}

/// Which series has a label set's increments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Its own, always, because it is what others are folded into, or none of its labels can be folded.
    Exempt,
    /// Its own, for which it takes a place of the budget.
    Named,
    /// That of another one, which is exempt. Its own series, if there is one, lingers.
    Folded { into: Id },
    /// A series that no snapshot shows; see [`withheld`](super::withheld).
    Withheld,
    /// It was withheld until its names were known: what comes now belongs to them.
    Disclosed { into: Id },
}

impl LabelSet {
    /// The label set that this one has handed its increments over to, if any.
    pub(super) fn passed_on_to(&self) -> Option<Id> {
        match self.standing {
            Standing::Exempt | Standing::Named | Standing::Withheld => None,
            Standing::Folded { into } | Standing::Disclosed { into } => Some(into),
        }
    }

    /// Its series, if snapshots show it.
    pub(super) fn shown(&self) -> Option<&Series> {
        self.series.as_ref().filter(|_| self.standing != Standing::Withheld)
    }

    /// Claimed under its own name.
    pub(super) fn is_named(&self) -> bool {
        self.standing == Standing::Named && self.users > 0
    }

    /// Claimed, but shown as part of the fold.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.standing, Standing::Folded { .. }) && self.users > 0
    }
}

/// A value that only the increments of one label set have made.
pub(super) struct Series {
    pub(super) start: SystemTime,
    pub(super) value: Value,
    /// The last edition that does not have its last change.
    pub(super) changed_after: Edition,
}

impl Series {
    pub(super) fn new(kind: Kind, start: SystemTime, latest: Edition) -> Self {
        let value = match kind {
            Kind::Counter => Value::Counter(0),
            Kind::Gauge => Value::Gauge(0),
            Kind::Durations | Kind::Sizes => Value::Histogram(Arc::new(HistogramValue::default())),
        };
        Self { start, value, changed_after: latest }
    }
}

/// How much has come lately, in samples or in a counter's units: old increments lose their weight by and by.
#[derive(Clone, Copy, Default)]
pub(super) struct Activity {
    aged: f64,
    recent: u64,
}

impl Activity {
    pub(super) fn add(&mut self, increments: u64) {
        self.recent = self.recent.saturating_add(increments);
    }

    /// Lets all that has come so far keep only this part of its weight.
    pub(super) fn age(&mut self, part: f64) {
        self.aged = self.value() * part;
        self.recent = 0;
    }

    pub(super) fn value(&self) -> f64 {
        self.aged + self.recent as f64
    }
}
