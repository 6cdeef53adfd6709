//! Delimited protobuf: native histograms and classic buckets side by side, with start times.

use ::prometheus::{
    Encoder as _, ProtobufEncoder,
    core::{Collector, Desc},
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily},
};

use super::{
    Exposition, Own,
    bounds::cumulative,
    native::{add_counter_start, add_native},
    number::{Number, exported},
    text::metric_type,
    told::ToldWriter,
};
use crate::snapshot::{Family, HistogramValue, Labels, Series, Snapshot, Value};

/// The whole exposition as length-delimited messages.
pub(super) fn encode(
    exposition: &Exposition,
    snapshot: &Snapshot,
    own: &Own<'_>,
    capacity: usize,
) -> Result<Vec<u8>, ::prometheus::Error> {
    let encoder = ProtobufEncoder::new();
    let mut body = Vec::with_capacity(capacity);
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        // One family at a time: as messages, all of them would take many times the memory of the body.
        encoder.encode(&FamilyCollector::new(exposition, family).collect(), &mut body)?;
    }
    encoder.encode(&own.registered, &mut body)?;
    let mut writer = ToldWriter::default();
    for family in &own.told {
        writer.write(family, &mut body);
    }
    Ok(body)
}

/// One family of a snapshot as a collector of the `prometheus` crate, with values that are aggregated
/// already.
#[derive(Debug)]
pub struct FamilyCollector<'a> {
    exposition: &'a Exposition,
    family: &'a Family,
}

impl<'a> FamilyCollector<'a> {
    /// Collects this family.
    pub fn new(exposition: &'a Exposition, family: &'a Family) -> Self {
        Self { exposition, family }
    }

    fn metric(&self, series: &Series) -> Metric {
        let mut metric = Metric::from_label(label_pairs(&series.labels));
        let unit = self.family.metric.unit;
        match &series.value {
            Value::Counter(value) => {
                let mut counter = Counter::default();
                counter.set_value(Number::counted(*value, unit).as_f64());
                add_counter_start(counter.special_fields.mut_unknown_fields(), series.start);
                metric.set_counter(counter);
            }
            Value::Gauge(value) => {
                let mut gauge = Gauge::default();
                gauge.set_value(Number::level(*value, unit).as_f64());
                metric.set_gauge(gauge);
            }
            Value::Histogram(value) => metric.set_histogram(self.histogram(series, value)),
        }
        metric
    }

    fn histogram(&self, series: &Series, value: &HistogramValue) -> Histogram {
        let of = self.family.metric;
        let mut histogram = Histogram::default();
        histogram.set_sample_count(value.count());
        histogram.set_sample_sum(exported(value.sum, of.unit));
        // `+Inf` is the count, and Prometheus adds it.
        histogram.set_bucket(
            cumulative(value, self.exposition.bounds(of.kind))
                .map(|(bound, samples)| {
                    let mut bucket = Bucket::default();
                    bucket.set_upper_bound(bound.upper);
                    bucket.set_cumulative_count(samples);
                    bucket
                })
                .collect(),
        );
        let native = value.exponential(of.kind, self.exposition.options.scale);
        add_native(histogram.special_fields.mut_unknown_fields(), &native, series.start);
        histogram
    }
}

impl Collector for FamilyCollector<'_> {
    /// None: label sets come and go, so nothing can be promised about them.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut family = MetricFamily::default();
        family.set_name(self.family.metric.prometheus_name());
        family.set_help(self.family.metric.help.to_owned());
        family.set_field_type(metric_type(self.family.metric.kind));
        family.set_metric(self.family.series.iter().map(|series| self.metric(series)).collect());
        vec![family]
    }
}

fn label_pairs(labels: &Labels) -> Vec<LabelPair> {
    labels
        .iter()
        .map(|label| {
            let mut pair = LabelPair::default();
            pair.set_name(label.key.prometheus.to_owned());
            pair.set_value(label.value.to_string());
            pair
        })
        .collect()
}

#[cfg(test)]
#[path = "protobuf_tests.rs"]
mod tests;
