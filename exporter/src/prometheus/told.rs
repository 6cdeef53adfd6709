//! What the exporter tells of itself anew for each scrape.
//!
//! As messages of the `prometheus` crate, its thousand series take longer to make, to sort and to drop than to write: they
//! are only made of it for OTLP.

mod protobuf;

pub(super) use protobuf::ToldWriter;

use std::borrow::Cow;

use ::prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

/// Names and values.
pub type ToldLabels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// A family of counters or gauges.
#[derive(Debug)]
pub struct Told<'a> {
    /// Its name, as Prometheus wants it.
    pub name: String,
    /// What it means.
    pub help: &'static str,
    /// `COUNTER` or `GAUGE`.
    pub kind: MetricType,
    /// Its series.
    pub series: Vec<(ToldLabels<'a>, f64)>,
}

impl From<Told<'_>> for MetricFamily {
    fn from(told: Told<'_>) -> Self {
        let mut family = Self::default();
        family.set_name(told.name);
        family.set_help(told.help.to_owned());
        family.set_field_type(told.kind);
        for (labels, value) in told.series {
            let pairs = labels.into_iter().map(|(name, value)| {
                let mut pair = LabelPair::default();
                pair.set_name(name.to_owned());
                pair.set_value(value.into_owned());
                pair
            });
            let mut metric = Metric::from_label(pairs.collect());
            if told.kind == MetricType::COUNTER {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            } else {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
            family.mut_metric().push(metric);
        }
        family
    }
}

/// The exporter's own metrics, at one moment.
#[derive(Debug, Default)]
pub struct Own<'a> {
    /// Those that are registered.
    pub registered: Vec<MetricFamily>,
    /// Those that are told.
    pub told: Vec<Told<'a>>,
}

impl Own<'_> {
    /// All of them as messages.
    pub fn into_messages(self) -> Vec<MetricFamily> {
        let Self { mut registered, told } = self;
        registered.extend(told.into_iter().map(MetricFamily::from));
        registered
    }
}
