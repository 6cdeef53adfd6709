//! What a receiver does with requests, whatever the protocol, and what it has recorded.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    metrics::v1::{AggregationTemporality, DataPointFlags, Metric, metric::Data, number_data_point},
};

use super::world::Totals;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Recorded.
    Accept,
    /// Recorded, except for so many points.
    AcceptBut(i64),
    /// Refused, to be retried.
    Unavailable,
    /// Refused, to be retried no sooner than in a second.
    UnavailableForASecond,
    /// Refused for good.
    Invalid,
    /// Not recorded, and not answered.
    Hang,
    /// Recorded, and not answered.
    RecordAndHang,
}

/// One series' identity: metric, attributes, start.
type Identity = (String, String, u64);

/// What has been received.
#[derive(Default)]
pub(crate) struct Record {
    /// What to do with the next requests; those after them are accepted.
    pub(crate) script: VecDeque<Answer>,
    /// When each request came, and how long it was.
    pub(crate) arrivals: Vec<(Instant, usize)>,
    /// Headers of the last request.
    pub(crate) headers: BTreeMap<String, String>,
    /// The last request that was recorded.
    pub(crate) latest: ExportMetricsServiceRequest,
    /// Cumulative values, the last of each series.
    sums: BTreeMap<Identity, BTreeMap<String, u128>>,
    /// Deltas, summed.
    increases: Totals,
    /// Ranges of deltas that are known, with their ends.
    ranges: BTreeSet<(Identity, u64)>,
    /// Points that said that a series has ended, by metric and attributes.
    pub(crate) ended: Vec<(String, String)>,
}

/// A record that two threads share.
#[derive(Default)]
pub(crate) struct Shared(Mutex<Record>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().expect("no panics")
    }

    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().script.extend(answers);
    }

    /// Waits until the record is as it should be, and fails after some seconds.
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn(&Record) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.lock()) {
            assert!(begun.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes a request and says what becomes of it.
    pub(crate) fn take(
        &self,
        request: ExportMetricsServiceRequest,
        length: usize,
        headers: BTreeMap<String, String>,
    ) -> Answer {
        let mut record = self.lock();
        record.arrivals.push((Instant::now(), length));
        record.headers = headers;
        let answer = record.script.pop_front().unwrap_or(Answer::Accept);
        if matches!(answer, Answer::Accept | Answer::AcceptBut(_) | Answer::RecordAndHang) {
            record.record(request);
        }
        answer
    }
}

impl Record {
    /// Sums over all series.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = self.increases.clone();
        for ((metric, ..), values) in &self.sums {
            for (part, value) in values {
                *totals.entry(format!("{metric}{part}")).or_default() += value;
            }
        }
        totals
    }

    fn record(&mut self, request: ExportMetricsServiceRequest) {
        for resource in &request.resource_metrics {
            for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
                // The exporter's own metrics go along.
                if metric.name.starts_with("test.") {
                    self.record_metric(metric);
                }
            }
        }
        self.latest = request;
    }

    fn record_metric(&mut self, metric: &Metric) {
        let name = &metric.name;
        match metric.data.as_ref().expect("data") {
            Data::Gauge(gauge) => {
                for point in &gauge.data_points {
                    self.mark_if_ended(name, &point.attributes, point.flags);
                }
            }
            Data::Sum(sum) => {
                assert!(sum.is_monotonic);
                for point in &sum.data_points {
                    if self.mark_if_ended(name, &point.attributes, point.flags) {
                        continue;
                    }
                    let value = match point.value.expect("a value") {
                        number_data_point::Value::AsInt(value) => {
                            u128::try_from(value).expect("not below zero")
                        }
                        number_data_point::Value::AsDouble(seconds) => nanoseconds(seconds),
                    };
                    let range = (point.start_time_unix_nano, point.time_unix_nano);
                    self.add(name, &point.attributes, range, sum.aggregation_temporality, &[("", value)]);
                }
            }
            Data::ExponentialHistogram(histogram) => {
                for point in &histogram.data_points {
                    if self.mark_if_ended(name, &point.attributes, point.flags) {
                        continue;
                    }
                    let counts = point.positive.iter().flat_map(|buckets| &buckets.bucket_counts);
                    let count: u64 = point.zero_count + counts.sum::<u64>();
                    assert_eq!(count, point.count);
                    let sum = nanoseconds(point.sum.expect("a sum"));
                    let values = [("", sum), (" count", u128::from(count))];
                    let range = (point.start_time_unix_nano, point.time_unix_nano);
                    self.add(name, &point.attributes, range, histogram.aggregation_temporality, &values);
                }
            }
            other => panic!("not asked for: {other:?}"),
        }
    }

    fn mark_if_ended(&mut self, name: &str, attributes: &[KeyValue], flags: u32) -> bool {
        let ended = flags == DataPointFlags::NoRecordedValueMask as u32;
        if ended {
            self.ended.push((name.to_owned(), text(attributes)));
        }
        ended
    }

    fn add(
        &mut self,
        name: &str,
        attributes: &[KeyValue],
        (start, end): (u64, u64),
        temporality: i32,
        values: &[(&str, u128)],
    ) {
        assert!(start <= end, "{name}: from {start} to {end}");
        let identity = (name.to_owned(), text(attributes), start);
        if temporality == AggregationTemporality::Delta as i32 {
            if self.ranges.insert((identity, end)) {
                for (part, value) in values {
                    *self.increases.entry(format!("{name}{part}")).or_default() += value;
                }
            }
            return;
        }
        let known = self.sums.entry(identity).or_default();
        for (part, value) in values {
            let before = known.insert((*part).to_owned(), *value).unwrap_or(0);
            assert!(before <= *value, "{name} went back from {before} to {value}");
        }
    }
}

fn nanoseconds(seconds: f64) -> u128 {
    (seconds * 1e9).round() as u128
}

pub(crate) fn text(attributes: &[KeyValue]) -> String {
    let pair = |attribute: &KeyValue| match &attribute.value {
        Some(AnyValue { value: Some(Value::StringValue(value)) }) => format!("{}={value}", attribute.key),
        other => format!("{}={other:?}", attribute.key),
    };
    attributes.iter().map(pair).collect::<Vec<_>>().join(",")
}
