//! Metrics, columns and label sets as the page is told of them.

use exporter_common::histogram::PER_OCTAVE;
use rustc_hash::FxHashMap;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};

use super::answer::milliseconds;
use crate::{
    catalogue::{Kind, Metric},
    collectors::registry,
    live::{Amount, Column, Heat, History, Name, Part},
    snapshot::{Labels, zero_index},
};

/// To a millionth, which is enough to look at and a third of the digits.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Every metric, each in its place.
pub(super) struct Catalogue {
    metrics: Vec<(&'static str, &'static Metric)>,
    places: FxHashMap<&'static Metric, usize>,
}

impl Default for Catalogue {
    fn default() -> Self {
        let all = registry::descriptions();
        let metrics: Vec<_> =
            all.flat_map(|about| about.metrics.iter().map(|metric| (about.name, *metric))).collect();
        let places = metrics.iter().enumerate().map(|(place, (_, metric))| (*metric, place)).collect();
        Self { metrics, places }
    }
}

/// A metric for people.
#[derive(Serialize)]
pub(super) struct Described {
    name: &'static str,
    prometheus: String,
    collector: &'static str,
    kind: &'static str,
    unit: String,
    help: &'static str,
    /// Where the rows of a histogram begin: row 0 ends at two to this power.
    #[serde(skip_serializing_if = "Option::is_none")]
    zero: Option<i32>,
}

impl Catalogue {
    /// The metrics and their places.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (usize, &'static Metric)> {
        self.metrics.iter().map(|(_, metric)| *metric).enumerate()
    }

    /// `None` for a metric of no collector.
    pub(super) fn place(&self, metric: &'static Metric) -> Option<usize> {
        self.places.get(metric).copied()
    }

    pub(super) fn described(&self) -> Vec<Described> {
        let described = self.metrics.iter().map(|(collector, metric)| Described {
            name: metric.name,
            prometheus: metric.prometheus_name(),
            collector,
            kind: match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Durations | Kind::Sizes => "histogram",
            },
            unit: metric.unit.ucum(),
            help: metric.help,
            zero: matches!(metric.kind, Kind::Durations | Kind::Sizes)
                .then(|| zero_index(metric.kind) / PER_OCTAVE),
        });
        described.collect()
    }
}

/// The columns of a history after this one.
pub(super) struct Columns<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) history: &'a History,
    pub(super) after: u64,
}

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = self.history.columns().filter(|column| column.number > self.after);
        serializer.collect_seq(columns.map(|column| Shown(self.catalogue, column)))
    }
}

/// `[from, to, {metric: amount}]`, both in milliseconds since the epoch. Nothing is not shown.
struct Shown<'a>(&'a Catalogue, &'a Column);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(catalogue, column) = self;
        (milliseconds(column.from), milliseconds(column.to), Parts(catalogue, &column.happened.parts))
            .serialize(serializer)
    }
}

struct Parts<'a>(&'a Catalogue, &'a [Part]);

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_map(None)?;
        for part in self.1 {
            let Some(place) = self.0.place(part.metric) else { continue };
            match &part.amount {
                Amount::Count(0) => {}
                Amount::Count(count) => {
                    parts.serialize_entry(&place, &rounded(part.metric.unit.exported((*count).into())))?;
                }
                Amount::Level(level) => parts.serialize_entry(&place, level)?,
                Amount::Samples(heat) if heat.count() == 0 => {}
                Amount::Samples(heat) => parts.serialize_entry(&place, &Rows(heat))?,
            }
        }
        parts.end()
    }
}

/// The first row, and then the samples of that one and those after it.
struct Rows<'a>(&'a Heat);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (first, counts) = self.0.rows();
        let mut rows = serializer.serialize_seq(Some(1 + counts.len()))?;
        rows.serialize_element(&first)?;
        counts.iter().try_for_each(|samples| rows.serialize_element(samples))?;
        rows.end()
    }
}

/// A label set under Prometheus' names.
pub(super) struct LabelSet(pub(super) Labels);

impl Serialize for LabelSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|label| (label.key.prometheus, &*label.value)))
    }
}

/// Those who are named, each once.
#[derive(Default)]
pub(super) struct People {
    all: Vec<Name>,
    places: FxHashMap<Name, usize>,
}

impl People {
    /// The place of this one.
    pub(super) fn place(&mut self, name: &Name) -> usize {
        *self.places.entry(name.clone()).or_insert_with(|| {
            self.all.push(name.clone());
            self.all.len() - 1
        })
    }
}

impl Serialize for People {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.all.iter().map(|name| LabelSet(name.labels().clone())))
    }
}
