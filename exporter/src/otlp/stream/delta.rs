//! Increases since the last push.
//!
//! The kernel's counters go on while an endpoint is away, and series come and go. So what has not been told
//! yet is kept here, series by series, and the ledger need not keep the dead for it. A batch that was refused
//! goes back into it. A batch that may have arrived can neither go back, for then it would count twice, nor
//! be forgotten: it stays as it is, to be sent again until the endpoint has answered, while what comes
//! meanwhile waits.

use std::{
    collections::{BTreeMap, HashMap},
    time::SystemTime,
};

use super::cumulative::Names;
use crate::{
    catalogue::Metric,
    config::Temporality,
    otlp::batch::Batch,
    snapshot::{Family, HistogramValue, Labels, Series, Snapshot, Value},
};

/// See [`Stream::Delta`](super::Stream::Delta).
#[derive(Debug)]
pub struct Delta {
    /// Series that wait, at most, before those that are no more lose their names.
    most: usize,
    /// Which kinds of metrics have increases here. What has none is told as it is.
    temporality: Temporality,
    /// What the last snapshot said, and when.
    base: HashMap<&'static Metric, HashMap<Labels, Since>>,
    taken: Option<SystemTime>,
    /// What has not been told.
    waiting: Increases,
    /// The batch on its way.
    sent: Option<(Increases, Names)>,
    /// Series without increases that the endpoint knows: they end as they do elsewhere.
    known: Names,
}

/// Increases, in the order of their first appearance by metric.
#[derive(Debug, Default)]
struct Increases(Vec<(&'static Metric, BTreeMap<Labels, Since>)>);

/// A value, and since when it counts.
type Since = (SystemTime, Value);

impl Delta {
    pub(super) fn new(temporality: Temporality, most: usize) -> Self {
        Self {
            most,
            temporality,
            base: HashMap::new(),
            taken: None,
            waiting: Increases::default(),
            sent: None,
            known: Names::default(),
        }
    }

    pub(super) fn continued(self, temporality: Temporality, most: usize) -> Option<Self> {
        (self.temporality == temporality).then_some(Self { most, ..self })
    }

    /// What this snapshot has was told by another exporter.
    pub(super) fn go_on_from(&mut self, told: &Snapshot) {
        self.absorb(told);
        self.waiting = Increases::default();
    }

    /// Whether snapshots have nothing that must be carried once it is absorbed.
    pub(super) fn has_all(&self) -> bool {
        self.temporality == Temporality::Delta
    }

    pub(super) fn absorb(&mut self, snapshot: &Snapshot) {
        let mut base = HashMap::new();
        let temporality = self.temporality;
        for family in snapshot.families.iter().filter(|family| temporality.is_delta(family.metric.kind)) {
            let before = self.base.get(family.metric);
            let mut now = HashMap::with_capacity(family.series.len());
            for Series { labels, start, value } in &family.series {
                // With another start it is another series, which has come after the last snapshot.
                let before = before.and_then(|before| before.get(labels)).filter(|(born, _)| born == start);
                let since = before.and_then(|(_, before)| Some((self.taken?, increase(before, value)?)));
                let (from, increase) = since.unwrap_or_else(|| (*start, value.clone()));
                if !is_zero(&increase) {
                    self.waiting.add(family.metric, labels, from, &increase);
                }
                now.insert(labels.clone(), (*start, value.clone()));
            }
            base.insert(family.metric, now);
        }
        (self.base, self.taken) = (base, Some(snapshot.taken));
        if self.waiting.len() > self.most {
            self.forget_names_of_the_dead();
        }
    }

    /// Nobody has been told of what they did, so it may as well be told of the fold.
    fn forget_names_of_the_dead(&mut self) {
        for (metric, waiting) in std::mem::take(&mut self.waiting).0 {
            let living = self.base.get(metric);
            for (labels, (from, value)) in waiting {
                let lives = living.is_some_and(|living| living.contains_key(&labels));
                let labels = if lives { labels } else { labels.folded() };
                self.waiting.add(metric, &labels, from, &value);
            }
        }
    }

    pub(super) fn next(&mut self, snapshot: &Snapshot) -> Batch {
        let increases = std::mem::take(&mut self.waiting);
        let temporality = self.temporality;
        let others = snapshot.families.iter().filter(|family| !temporality.is_delta(family.metric.kind));
        let batch = Batch {
            taken: snapshot.taken,
            families: increases.families().chain(others.cloned()).collect(),
            ended: self.known.missing_in(snapshot),
        };
        self.sent = Some((increases, Names::of(snapshot, |kind| !temporality.is_delta(kind))));
        batch
    }

    pub(super) fn accepted(&mut self) {
        if let Some((_, others)) = self.sent.take() {
            self.known = others;
        }
    }

    pub(super) fn refused(&mut self) {
        for (metric, increases) in self.sent.take().into_iter().flat_map(|(increases, _)| increases.0) {
            for (labels, (from, value)) in increases {
                self.waiting.add(metric, &labels, from, &value);
            }
        }
    }

    pub(super) fn dropped(&mut self) {
        self.sent = None;
    }
}

impl Increases {
    fn len(&self) -> usize {
        self.0.iter().map(|(_, series)| series.len()).sum()
    }

    fn add(&mut self, metric: &'static Metric, labels: &Labels, from: SystemTime, by: &Value) {
        let at = self.0.iter().position(|(other, _)| *other == metric).unwrap_or_else(|| {
            self.0.push((metric, BTreeMap::new()));
            self.0.len() - 1
        });
        match self.0[at].1.get_mut(labels) {
            None => {
                self.0[at].1.insert(labels.clone(), (from, by.clone()));
            }
            Some((start, sum)) => {
                *start = from.min(*start);
                *sum = total(sum, by);
            }
        }
    }

    fn families(&self) -> impl Iterator<Item = Family> {
        self.0.iter().map(|(metric, series)| Family {
            metric,
            series: series
                .iter()
                .map(|(labels, (start, value))| Series {
                    labels: labels.clone(),
                    start: *start,
                    value: value.clone(),
                })
                .collect(),
        })
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Counter(value) => *value == 0,
        Value::Gauge(_) => false,
        Value::Histogram(value) => value.buckets.is_empty() && value.sum == 0,
    }
}

fn total(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Counter(a), Value::Counter(b)) => Value::Counter(a.wrapping_add(*b)),
        (Value::Histogram(a), Value::Histogram(b)) => {
            let mut sum = HistogramValue::clone(a);
            sum.merge(b);
            Value::Histogram(sum.into())
        }
        (_, latest) => latest.clone(),
    }
}

/// What has come since; `None` when the new value is no continuation of the old one.
fn increase(old: &Value, new: &Value) -> Option<Value> {
    match (old, new) {
        // Within one series a counter goes back only by wrapping.
        (Value::Counter(old), Value::Counter(new)) => Some(Value::Counter(new.wrapping_sub(*old))),
        (Value::Histogram(old), Value::Histogram(new)) => {
            let mut rest = old.buckets.iter().peekable();
            let mut buckets = Vec::new();
            for (number, samples) in &new.buckets {
                let before = rest.next_if(|(other, _)| other == number).map_or(0, |(_, samples)| *samples);
                let more = samples.checked_sub(before)?;
                if more > 0 {
                    buckets.push((*number, more));
                }
            }
            let sum = new.sum.checked_sub(old.sum)?;
            rest.next().is_none().then(|| Value::Histogram(HistogramValue { buckets, sum }.into()))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
