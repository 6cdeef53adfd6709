//! One request with everything in it, byte by byte in OTLP's JSON, and sums for any values.

use std::{
    env, fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use exporter_common::histogram::{Nanoseconds, Unit as _};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value as Number};
use proptest::prelude::*;

use super::*;
use crate::{
    catalogue::{Unit, keys},
    snapshot::{Family, HistogramValue, Series, Value, upper_bound, zero_index},
};

const fn metric(name: &'static str, kind: Kind, unit: Unit) -> Declared {
    Declared { name, kind, unit, help: "for tests", identity: &[], attributes: &[], source: "nowhere" }
}

static CPU: Declared = metric("process.cpu.time", Kind::Counter, Unit::Seconds);
static SWITCHES: Declared = metric("process.context_switches", Kind::Counter, Unit::Things("context_switch"));
static LATENCY: Declared = metric("kernel.test.latency", Kind::Durations, Unit::Seconds);
static SIZE: Declared = metric("kernel.test.size", Kind::Sizes, Unit::Bytes);
static LEVEL: Declared = metric("kernel.test.level", Kind::Gauge, Unit::Things("thing"));

fn form() -> Form {
    Form {
        temporality: Temporality::Cumulative,
        histograms: HistogramForm::Exponential,
        scale: 3,
        duration_exponents: -20..=6,
        size_exponents: 9..=12,
        resource_per_container: false,
    }
}

fn encoder(form: Form) -> Encoder {
    let attributes = [("service.name", "kernel-exporter"), ("host.name", "node-1")];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Encoder::new(form, Attributes::new(attributes))
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn series<const N: usize>(labels: [(&'static crate::catalogue::Key, &str); N], value: Value) -> Series {
    Series { labels: Labels::new(labels), start: at(1_700_000_000), value }
}

fn histogram(buckets: &[(u16, u64)], sum: u128) -> Value {
    Value::Histogram(Arc::new(HistogramValue { buckets: buckets.to_vec(), sum }))
}

fn batch() -> Batch {
    let pod = [(&keys::NAMESPACE, "shop"), (&keys::POD, "cart-1"), (&keys::CONTAINER, "cart")];
    let cpu = vec![
        Series {
            labels: Labels::new(pod).with([(&keys::COMMAND, "cartd")]),
            ..series([], Value::Counter(1_500_000_000))
        },
        series([(&keys::COMMAND, "sshd"), (&keys::UNIT, "ssh.service")], Value::Counter(1)),
    ];
    let switches = vec![
        series([(&keys::PID, "42")], Value::Counter(i64::MAX as u64)),
        series([(&keys::PID, "(all other processes)")], Value::Counter(u64::MAX)),
    ];
    let latencies = vec![
        series([(&keys::OPERATION, "read")], histogram(&[(0, 1), (32, 2), (33, 3), (300, 6)], 1_234_567_890)),
        series([(&keys::OPERATION, "write")], histogram(&[], 0)),
    ];
    let families = [
        (&CPU, cpu),
        (&SWITCHES, switches),
        (&LATENCY, latencies),
        (&SIZE, vec![series([], histogram(&[(72, 1), (73, 2), (100, 4)], 4096))]),
        (&LEVEL, vec![series([], Value::Gauge(-3))]),
    ];
    let ended = [
        (&CPU, vec![series([(&keys::COMMAND, "gone")], Value::Counter(7))]),
        (&LATENCY, vec![series([(&keys::OPERATION, "gone")], histogram(&[(9, 9)], 9))]),
    ];
    let family = |(metric, series)| Family { metric, series };
    Batch { taken: at(1_700_000_030), families: families.map(family).into(), ended: ended.map(family).into() }
}

fn assert_golden(file: &str, form: Form) {
    let request = encoder(form).request(&batch(), &Own::default());
    let json = serde_json::to_string_pretty(&request).expect("JSON") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &json).expect("the golden file can be written");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    for (number, (is, should)) in json.lines().zip(golden.lines()).enumerate() {
        assert_eq!(is, should, "line {} of {file}", number + 1);
    }
    assert_eq!(json.len(), golden.len(), "the end of {file}");
}

#[test]
fn cumulative_with_exponential_histograms() {
    assert_golden("otlp.json", form());
}

#[test]
fn delta_with_explicit_histograms_and_a_resource_per_container() {
    let form = Form {
        temporality: Temporality::Delta,
        histograms: HistogramForm::Explicit,
        duration_exponents: -20..=-17,
        resource_per_container: true,
        ..form()
    };
    assert_golden("otlp-per-container.json", form);
}

/// The only metric of a request.
fn only(request: ExportMetricsServiceRequest) -> Data {
    let mut metrics: Vec<_> = request
        .resource_metrics
        .into_iter()
        .flat_map(|resource| resource.scope_metrics)
        .flat_map(|scope| scope.metrics)
        .collect();
    assert_eq!(metrics.len(), 1);
    metrics.pop().and_then(|metric| metric.data).expect("data")
}

fn encoded(metric: &'static Declared, value: Value, form: Form) -> Data {
    let families = vec![Family { metric, series: vec![series([], value)] }];
    only(
        encoder(form)
            .request(&Batch { taken: at(1_700_000_030), families, ended: Vec::new() }, &Own::default()),
    )
}

fn any_histogram() -> impl Strategy<Value = HistogramValue> {
    let buckets =
        proptest::collection::btree_map(0..Nanoseconds::BUCKETS as u16, 1..u64::from(u32::MAX), 0..60);
    (buckets, 0..1_u128 << 51)
        .prop_map(|(buckets, sum)| HistogramValue { buckets: buckets.into_iter().collect(), sum })
}

proptest! {
    /// Each bucket of the snapshot is the bucket of the message whose bounds are those of Prometheus.
    #[test]
    fn exponential_buckets_are_the_kernels_own(value in any_histogram(), scale in 0_u8..=3) {
        let data = encoded(&LATENCY, Value::Histogram(Arc::new(value.clone())), Form { scale, ..form() });
        let Data::ExponentialHistogram(histogram) = data else { panic!("{data:?}") };
        let point = &histogram.data_points[0];
        let positive = point.positive.clone().unwrap_or_default();
        prop_assert_eq!(point.count, value.count());
        prop_assert_eq!(point.zero_count + positive.bucket_counts.iter().sum::<u64>(), value.count());
        prop_assert_eq!(point.sum.map(|sum| (sum * 1e9).round() as u128), Some(value.sum));
        prop_assert_eq!((point.scale, point.zero_threshold), (i32::from(scale), f64::exp2(-24.0)));
        let native = value.exponential(Kind::Durations, scale);
        for (at, samples) in positive.bucket_counts.iter().enumerate() {
            // As OpenTelemetry has it: bucket `i` is above base^i, and at most base^(i+1).
            let lower = upper_bound((positive.offset + at as i32) << (3 - scale));
            let expected = native.buckets.iter().find(|(index, _)| upper_bound((index - 1) << (3 - scale)) == lower);
            prop_assert_eq!(expected.map_or(0, |(_, samples)| *samples), *samples, "above {}", lower);
        }
    }

    #[test]
    fn explicit_buckets_are_the_classic_ones(value in any_histogram()) {
        let form = Form { histograms: HistogramForm::Explicit, ..form() };
        let Data::Histogram(histogram) = encoded(&LATENCY, Value::Histogram(Arc::new(value.clone())), form)
            else { panic!("no histogram") };
        let point = &histogram.data_points[0];
        prop_assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        prop_assert_eq!(point.bucket_counts.iter().sum::<u64>(), value.count());
        prop_assert_eq!(point.count, value.count());
        let mut below = 0;
        for (bound, samples) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
            below += samples;
            let expected: u64 = value.buckets.iter()
                .filter(|(number, _)| upper_bound(zero_index(Kind::Durations) + i32::from(*number)) <= *bound)
                .map(|(_, samples)| samples).sum();
            prop_assert_eq!(below, expected, "up to {}", bound);
        }
    }

    #[test]
    fn counters_are_exact(value in 0..1_u64 << 51) {
        let number = |metric| match encoded(metric, Value::Counter(value), form()) {
            Data::Sum(sum) => sum.data_points[0].value,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(number(&SWITCHES), Some(Number::AsInt(value as i64)));
        let Some(Number::AsDouble(seconds)) = number(&CPU) else { panic!("seconds are a fraction") };
        prop_assert_eq!((seconds * 1e9).round() as u64, value);
    }
}

#[test]
fn an_interval_never_ends_before_it_begins() {
    let families = vec![Family { metric: &CPU, series: vec![series([], Value::Counter(1))] }];
    let Data::Sum(sum) =
        only(encoder(form()).request(&Batch { taken: at(5), families, ended: Vec::new() }, &Own::default()))
    else {
        panic!("no sum")
    };
    assert_eq!(sum.data_points[0].start_time_unix_nano, 5_000_000_000);
}
