//! One metric's points.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge,
    Histogram, HistogramDataPoint, NumberDataPoint, Sum, exponential_histogram_data_point::Buckets,
    metric::Data, number_data_point,
};

use super::{Form, attributes};
use crate::{
    catalogue::{Kind, Metric, Unit},
    config::HistogramForm,
    snapshot::{Exponential, HistogramValue, Labels, Series, Value, classic_bounds},
};

/// The points of one metric in one resource.
pub(super) enum Points {
    Sums(Vec<NumberDataPoint>),
    Levels(Vec<NumberDataPoint>),
    Exponential(Vec<ExponentialHistogramDataPoint>),
    Explicit(Vec<HistogramDataPoint>),
}

impl Points {
    /// None yet, of the sort that the metric has.
    pub(super) fn of(metric: &Metric, form: &Form) -> Self {
        match (metric.kind, form.histograms) {
            (Kind::Counter, _) => Self::Sums(Vec::new()),
            (Kind::Gauge, _) => Self::Levels(Vec::new()),
            (Kind::Durations | Kind::Sizes, HistogramForm::Exponential) => Self::Exponential(Vec::new()),
            (Kind::Durations | Kind::Sizes, HistogramForm::Explicit) => Self::Explicit(Vec::new()),
        }
    }

    /// Adds a series' point: its value, or that it has ended.
    pub(super) fn add(
        &mut self,
        metric: &Metric,
        form: &Form,
        labels: &Labels,
        series: &Series,
        ended: bool,
        taken: SystemTime,
    ) {
        let attributes = attributes::of(labels).collect();
        let time_unix_nano = nanoseconds(taken);
        // A wall clock that was set back must not make an interval end before it begins.
        let start_time_unix_nano = nanoseconds(series.start).min(time_unix_nano);
        let flags = flags(ended);
        let unit = metric.unit;
        match self {
            Self::Sums(points) | Self::Levels(points) => points.push(NumberDataPoint {
                attributes,
                start_time_unix_nano: if metric.kind == Kind::Gauge { 0 } else { start_time_unix_nano },
                time_unix_nano,
                flags,
                value: if ended { None } else { number(&series.value, unit) },
                exemplars: Vec::new(),
            }),
            Self::Exponential(points) => {
                let mut point = ExponentialHistogramDataPoint {
                    attributes,
                    start_time_unix_nano,
                    time_unix_nano,
                    flags,
                    ..ExponentialHistogramDataPoint::default()
                };
                if let (false, Value::Histogram(value)) = (ended, &series.value) {
                    fill(&mut point, value, unit, value.exponential(metric.kind, form.scale));
                }
                points.push(point);
            }
            Self::Explicit(points) => {
                let mut point = HistogramDataPoint {
                    attributes,
                    start_time_unix_nano,
                    time_unix_nano,
                    flags,
                    ..HistogramDataPoint::default()
                };
                if let (false, Value::Histogram(value)) = (ended, &series.value) {
                    (point.explicit_bounds, point.bucket_counts) = explicit(metric.kind, form, value);
                    point.count = value.count();
                    point.sum = Some(unit.exported(value.sum));
                }
                points.push(point);
            }
        }
    }

    /// All of them.
    pub(super) fn into_data(self, is_delta: bool) -> Data {
        let aggregation_temporality =
            if is_delta { AggregationTemporality::Delta } else { AggregationTemporality::Cumulative } as i32;
        match self {
            Self::Sums(data_points) => {
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
            }
            Self::Levels(data_points) => Data::Gauge(Gauge { data_points }),
            Self::Exponential(data_points) => {
                Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
            }
            Self::Explicit(data_points) => {
                Data::Histogram(Histogram { data_points, aggregation_temporality })
            }
        }
    }
}

/// What a point says of whether its series has ended.
pub(super) fn flags(ended: bool) -> u32 {
    if ended { DataPointFlags::NoRecordedValueMask as u32 } else { 0 }
}

pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    // Until the year 2554.
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds are a fraction, what is counted is whole.
fn number(value: &Value, unit: Unit) -> Option<number_data_point::Value> {
    use number_data_point::Value::{AsDouble, AsInt};
    let whole = unit.per_exported() == 1;
    Some(match value {
        // OTLP's whole numbers have a sign. A count beyond them would take centuries.
        Value::Counter(value) => match i64::try_from(*value) {
            Ok(value) if whole => AsInt(value),
            _ => AsDouble(unit.exported(u128::from(*value))),
        },
        Value::Gauge(value) if whole => AsInt(*value),
        Value::Gauge(value) => {
            let magnitude = unit.exported(u128::from(value.unsigned_abs()));
            AsDouble(if *value < 0 { -magnitude } else { magnitude })
        }
        Value::Histogram(_) => return None,
    })
}

fn fill(point: &mut ExponentialHistogramDataPoint, value: &HistogramValue, unit: Unit, buckets: Exponential) {
    point.count = value.count();
    point.sum = Some(unit.exported(value.sum));
    point.scale = i32::from(buckets.scale);
    point.zero_count = buckets.zero_count;
    point.zero_threshold = buckets.zero_threshold;
    point.positive = dense(&buckets.buckets);
}

/// All buckets from the first to the last that is not empty. OpenTelemetry counts buckets by their lower
/// bounds and Prometheus by their upper ones, so the index is one less.
fn dense(buckets: &[(i32, u64)]) -> Option<Buckets> {
    let ((first, _), (last, _)) = (buckets.first()?, buckets.last()?);
    let mut bucket_counts = vec![0; (last - first) as usize + 1];
    for (index, samples) in buckets {
        bucket_counts[(index - first) as usize] = *samples;
    }
    Some(Buckets { offset: first - 1, bucket_counts })
}

/// Bounds, and the samples below each and above the last.
fn explicit(kind: Kind, form: &Form, value: &HistogramValue) -> (Vec<f64>, Vec<u64>) {
    let mut bounds = Vec::new();
    let mut counts = Vec::new();
    let mut buckets = value.buckets.iter().peekable();
    for (bound, last) in classic_bounds(kind, form.exponents(kind)) {
        bounds.push(bound);
        let mut below = 0;
        while let Some((_, samples)) = buckets.next_if(|(number, _)| *number <= last) {
            below += samples;
        }
        counts.push(below);
    }
    counts.push(buckets.map(|(_, samples)| samples).sum());
    (bounds, counts)
}
