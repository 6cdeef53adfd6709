//! The exporter's own metrics, which come from the `prometheus` crate's registry.
//!
//! Their names lose what Prometheus' receiver adds again, so that they are called the same there, pushed or
//! scraped. They always are cumulative: few of them are counted often, and all of them fit in any receiver.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, metric::Data,
    number_data_point::Value,
};
use prometheus::proto::{Histogram as Counted, LabelPair, Metric as Series, MetricFamily, MetricType};

use super::{
    attributes,
    points::{flags, nanoseconds},
};
use crate::otlp::stream::Own;

/// All of them, as of this moment.
pub(super) fn metrics(own: &Own, taken: SystemTime) -> Vec<Metric> {
    let time = nanoseconds(taken);
    let start = nanoseconds(start_of_process(&own.families).unwrap_or(taken)).min(time);
    let find = |families: &'_ [MetricFamily], name| families.iter().position(|family| family.name() == name);
    let living = own.families.iter().map(|family| {
        let ended = find(&own.ended, family.name()).map(|at| own.ended[at].get_metric());
        metric(family, family.get_metric(), ended.unwrap_or_default(), start, time)
    });
    let gone = own.ended.iter().filter(|family| find(&own.families, family.name()).is_none());
    living.chain(gone.map(|family| metric(family, &[], family.get_metric(), start, time))).flatten().collect()
}

/// Since when everything counts.
fn start_of_process(families: &[MetricFamily]) -> Option<SystemTime> {
    let family = families.iter().find(|family| family.name() == "process_start_time_seconds")?;
    let seconds = family.get_metric().first()?.get_gauge().value();
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

fn metric(
    family: &MetricFamily,
    living: &[Series],
    ended: &[Series],
    start: u64,
    time: u64,
) -> Option<Metric> {
    let number = |series: &Series, start, value: Option<Value>| NumberDataPoint {
        attributes: pairs(series.get_label()),
        start_time_unix_nano: start,
        time_unix_nano: time,
        flags: flags(value.is_none()),
        value,
        ..NumberDataPoint::default()
    };
    let all = || living.iter().map(|one| (one, true)).chain(ended.iter().map(|one| (one, false)));
    let temporality = AggregationTemporality::Cumulative as i32;
    let data = match family.get_field_type() {
        MetricType::COUNTER => Data::Sum(Sum {
            data_points: all()
                .map(|(one, lives)| number(one, start, lives.then(|| value(one.get_counter().value()))))
                .collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        }),
        MetricType::GAUGE => Data::Gauge(Gauge {
            data_points: all()
                .map(|(one, lives)| number(one, 0, lives.then(|| Value::AsDouble(one.get_gauge().value()))))
                .collect(),
        }),
        MetricType::HISTOGRAM => Data::Histogram(Histogram {
            data_points: all()
                .map(|(one, lives)| HistogramDataPoint {
                    attributes: pairs(one.get_label()),
                    start_time_unix_nano: start,
                    time_unix_nano: time,
                    flags: flags(!lives),
                    ..if lives { histogram(one.get_histogram()) } else { HistogramDataPoint::default() }
                })
                .collect(),
            aggregation_temporality: temporality,
        }),
        // None of the exporter's.
        MetricType::SUMMARY | MetricType::UNTYPED => return None,
    };
    let (name, unit) = name_and_unit(family.name(), matches!(data, Data::Sum(_)));
    let (name, unit) = (name.to_owned(), unit.to_owned());
    Some(Metric { name, unit, description: family.help().to_owned(), metadata: Vec::new(), data: Some(data) })
}

/// Whole numbers are exact, as long as floats have been.
fn value(counted: f64) -> Value {
    if counted.fract() == 0.0 { Value::AsInt(counted as i64) } else { Value::AsDouble(counted) }
}

/// Prometheus' buckets are cumulative and have no last one.
fn histogram(counted: &Counted) -> HistogramDataPoint {
    let buckets = counted.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    let mut below = 0;
    let mut bucket_counts = Vec::new();
    let mut explicit_bounds = Vec::new();
    for bucket in buckets {
        explicit_bounds.push(bucket.upper_bound());
        bucket_counts.push(bucket.cumulative_count() - below);
        below = bucket.cumulative_count();
    }
    let count = counted.get_sample_count();
    bucket_counts.push(count - below);
    let sum = Some(counted.get_sample_sum());
    HistogramDataPoint { count, sum, bucket_counts, explicit_bounds, ..HistogramDataPoint::default() }
}

fn pairs(labels: &[LabelPair]) -> Vec<opentelemetry_proto::tonic::common::v1::KeyValue> {
    labels.iter().map(|pair| attributes::text(pair.name(), pair.value())).collect()
}

/// Without the suffixes that say what the message says anyway.
fn name_and_unit(name: &str, is_sum: bool) -> (&str, &str) {
    let name = if is_sum { name.strip_suffix("_total").unwrap_or(name) } else { name };
    for (suffix, unit) in [("_seconds", "s"), ("_bytes", "By")] {
        if let Some(name) = name.strip_suffix(suffix) {
            return (name, unit);
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry};

    use super::*;

    #[test]
    fn counters_gauges_and_histograms_keep_their_values() {
        let registry = Registry::new();
        let failures = IntCounterVec::new(Opts::new("failures_total", "Failures"), &["why"]).expect("valid");
        failures.with_label_values(&["x"]).inc_by(3);
        let options = HistogramOpts::new("read_duration_seconds", "Durations").buckets(vec![0.5, 1.0]);
        let durations = Histogram::with_opts(options).expect("valid");
        for seconds in [0.25, 0.75, 0.75, 8.0] {
            durations.observe(seconds);
        }
        let start = IntGauge::new("process_start_time_seconds", "Start").expect("valid");
        start.set(1_000);
        registry.register(Box::new(failures)).expect("new");
        registry.register(Box::new(durations)).expect("new");
        registry.register(Box::new(start)).expect("new");
        let own = Own { families: registry.gather(), ended: Vec::new() };
        let metrics = metrics(&own, UNIX_EPOCH + Duration::from_secs(2_000));
        let names: Vec<_> = metrics.iter().map(|one| (one.name.as_str(), one.unit.as_str())).collect();
        assert_eq!(names, [("failures", ""), ("process_start_time", "s"), ("read_duration", "s")]);
        let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("no sum") };
        assert_eq!(sum.data_points[0].value, Some(Value::AsInt(3)));
        assert_eq!(sum.data_points[0].start_time_unix_nano, 1_000_000_000_000);
        assert_eq!(sum.data_points[0].attributes, [attributes::text("why", "x")]);
        let Some(Data::Histogram(histogram)) = &metrics[2].data else { panic!("no histogram") };
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.sum), (4, Some(9.75)));
        assert_eq!((&point.explicit_bounds[..], &point.bucket_counts[..]), (&[0.5, 1.0][..], &[1, 2, 1][..]));
    }
}
