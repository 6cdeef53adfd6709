//! Both text formats, from the snapshot and from the registry's messages.

use ::prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::{
    Exposition, Own, Told,
    bounds::cumulative,
    lines::{Dialect, Lines},
    number::{Number, exported, push_float},
};
use crate::{
    catalogue::Kind,
    snapshot::{Family, HistogramValue, Snapshot, Value},
};

/// The whole exposition as text.
pub(super) fn encode(
    exposition: &Exposition,
    dialect: Dialect,
    snapshot: &Snapshot,
    own: &Own<'_>,
    capacity: usize,
) -> Vec<u8> {
    let mut lines = Lines::with_capacity(dialect, capacity);
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        write_family(&mut lines, exposition, family);
    }
    for family in &own.registered {
        write_registered(&mut lines, family);
    }
    for family in &own.told {
        write_told(&mut lines, family);
    }
    lines.finish()
}

fn write_family(lines: &mut Lines, exposition: &Exposition, family: &Family) {
    let metric = family.metric;
    lines.family(&metric.prometheus_name(), metric_type(metric.kind), metric.help);
    for series in &family.series {
        lines.series(series.labels.iter().map(|label| (label.key.prometheus, &*label.value)));
        match &series.value {
            Value::Counter(value) => lines.sample("", Number::counted(*value, metric.unit)),
            Value::Gauge(value) => lines.sample("", Number::level(*value, metric.unit)),
            Value::Histogram(histogram) => write_histogram(lines, exposition, family, histogram),
        }
    }
}

fn write_histogram(lines: &mut Lines, exposition: &Exposition, family: &Family, histogram: &HistogramValue) {
    for (bound, samples) in cumulative(histogram, exposition.bounds(family.metric.kind)) {
        lines.bucket(&bound.le, samples);
    }
    let count = histogram.count();
    lines.bucket("+Inf", count);
    lines.sample("_sum", Number::Real(exported(histogram.sum, family.metric.unit)));
    lines.sample("_count", Number::Whole(count));
}

fn write_told(lines: &mut Lines, family: &Told<'_>) {
    lines.family(&family.name, family.kind, family.help);
    for (labels, value) in &family.series {
        lines.series(labels.iter().map(|(name, value)| (*name, &**value)));
        lines.sample("", Number::Real(*value));
    }
}

/// One of the registry's families. The crate has no type that collects summaries or untyped metrics.
fn write_registered(lines: &mut Lines, family: &MetricFamily) {
    let kind = family.get_field_type();
    lines.family(family.name(), kind, family.help());
    for metric in family.get_metric() {
        lines.series(metric.get_label().iter().map(|label: &LabelPair| (label.name(), label.value())));
        match kind {
            MetricType::COUNTER => lines.sample("", Number::Real(metric.get_counter().value())),
            MetricType::HISTOGRAM => write_registered_histogram(lines, metric),
            _ => lines.sample("", Number::Real(metric.get_gauge().value())),
        }
    }
}

fn write_registered_histogram(lines: &mut Lines, metric: &Metric) {
    let histogram = metric.get_histogram();
    let mut le = String::new();
    for bucket in histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound() < f64::INFINITY) {
        le.clear();
        push_float(&mut le, bucket.upper_bound());
        lines.bucket(&le, bucket.cumulative_count());
    }
    lines.bucket("+Inf", histogram.get_sample_count());
    lines.sample("_sum", Number::Real(histogram.get_sample_sum()));
    lines.sample("_count", Number::Whole(histogram.get_sample_count()));
}

/// What Prometheus calls this kind.
pub(super) fn metric_type(kind: Kind) -> MetricType {
    match kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Durations | Kind::Sizes => MetricType::HISTOGRAM,
    }
}
