//! What is kept, in a form that does not depend on how it is stored in memory.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    time::SystemTime,
};

use anyhow::{Context as _, Result, ensure};
use exporter_common::histogram::{Bytes, Nanoseconds, PER_OCTAVE, Unit as _};
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{Key, Kind, Metric, keys},
    snapshot::{HistogramValue, Labels, Snapshot, Value},
};

/// All series of one exporter at its end.
#[derive(Debug, Deserialize, Serialize)]
pub struct State {
    /// Of the running kernel, whose ids of cgroups are in here.
    boot: String,
    /// Which values fall into which bucket.
    buckets: String,
    /// When the maps were read for the last time.
    pub(super) taken: SystemTime,
    /// By the metric's OpenTelemetry name.
    metrics: BTreeMap<String, Vec<Series>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Series {
    /// By their OpenTelemetry names.
    labels: BTreeMap<String, String>,
    start: SystemTime,
    /// Cgroups that have part in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cgroups: Vec<u64>,
    #[serde(flatten)]
    value: Number,
}

/// In the unit in which it was measured.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Number {
    Counter(u64),
    Histogram { buckets: Vec<(u16, u64)>, sum: String },
}

/// One series that goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// What it counts.
    pub metric: &'static Metric,
    /// Whose it is and what was done.
    pub labels: Labels,
    /// Since when.
    pub start: SystemTime,
    /// What it has come to.
    pub value: Value,
    /// Cgroups that have part in it.
    pub cgroups: Vec<u64>,
}

impl State {
    /// All counters and histograms of a snapshot; gauges say what is, not what was. `cgroups` has part in series, by
    /// metric and labels.
    ///
    /// # Errors
    ///
    /// When the kernel does not say which boot this is.
    pub fn of(snapshot: &Snapshot, cgroups: &HashMap<(&'static Metric, Labels), Vec<u64>>) -> Result<Self> {
        let mut metrics = BTreeMap::new();
        for family in &snapshot.families {
            let series = family.series.iter().filter_map(|series| {
                let cgroups = cgroups.get(&(family.metric, series.labels.clone()));
                Some(Series {
                    labels: named(&series.labels),
                    start: series.start,
                    cgroups: cgroups.cloned().unwrap_or_default(),
                    value: Number::of(&series.value)?,
                })
            });
            let series: Vec<_> = series.collect();
            if !series.is_empty() {
                metrics.insert(family.metric.name.to_owned(), series);
            }
        }
        Ok(Self { boot: boot()?, buckets: buckets(), taken: snapshot.taken, metrics })
    }

    /// Whether counters can go on from here.
    ///
    /// # Errors
    ///
    /// When they cannot; it says why.
    pub fn fits(&self) -> Result<()> {
        ensure!(self.boot == boot()?, "the machine has been started since");
        ensure!(self.buckets == buckets(), "it has other buckets ({}, here {})", self.buckets, buckets());
        Ok(())
    }

    /// What goes on, of these metrics; and how many series there were that this exporter does not know.
    pub fn series(self, metrics: impl IntoIterator<Item = &'static Metric>) -> (Vec<Kept>, usize) {
        let metrics: HashMap<&str, _> = metrics.into_iter().map(|metric| (metric.name, metric)).collect();
        let (mut known, mut unknown) = (Vec::new(), 0);
        for (name, all) in self.metrics {
            for series in all {
                match metrics.get(&*name).and_then(|metric| series.kept(metric)) {
                    Some(kept) => known.push(kept),
                    None => unknown += 1,
                }
            }
        }
        (known, unknown)
    }
}

impl Series {
    /// With what this exporter calls so, unless there is no such thing any more.
    fn kept(self, metric: &'static Metric) -> Option<Kept> {
        let labels: Option<Vec<(&'static Key, &str)>> =
            self.labels.iter().map(|(name, value)| Some((key(name)?, value.as_str()))).collect();
        let value = match (self.value, metric.kind) {
            (Number::Counter(total), Kind::Counter) => Value::Counter(total),
            (Number::Histogram { buckets, sum }, Kind::Durations | Kind::Sizes) => {
                let in_order = buckets.is_sorted_by(|(a, _), (b, _)| a < b);
                let sum = sum.parse().ok().filter(|_| in_order)?;
                Value::Histogram(HistogramValue { buckets, sum }.into())
            }
            _ => return None,
        };
        let labels = Labels::new(labels?);
        Some(Kept { metric, labels, start: self.start, value, cgroups: self.cgroups })
    }
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Counter(total) => Some(Self::Counter(*total)),
            Value::Gauge(_) => None,
            Value::Histogram(histogram) => Some(Self::Histogram {
                buckets: histogram.buckets.clone(),
                // Wider than JSON's numbers are for most readers.
                sum: histogram.sum.to_string(),
            }),
        }
    }
}

fn named(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|label| (label.key.otlp.to_owned(), label.value.to_string())).collect()
}

fn key(name: &str) -> Option<&'static Key> {
    keys::ALL.iter().copied().find(|key| key.otlp == name)
}

/// Ids of cgroups mean nothing to another boot.
fn boot() -> Result<String> {
    const PATH: &str = "/proc/sys/kernel/random/boot_id";
    let id = fs::read_to_string(PATH).with_context(|| format!("cannot read {PATH}"))?;
    Ok(id.trim().to_owned())
}

/// Numbers of buckets mean nothing where others lie between the same bounds.
fn buckets() -> String {
    let durations = [Nanoseconds::ZERO_EXPONENT, Nanoseconds::LAST_EXPONENT];
    let sizes = [Bytes::ZERO_EXPONENT, Bytes::LAST_EXPONENT];
    format!("{PER_OCTAVE} per octave, durations 2^{durations:?} s, sizes 2^{sizes:?} B")
}
