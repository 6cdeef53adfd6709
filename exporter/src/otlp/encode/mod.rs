//! From series to the messages of `opentelemetry-proto`.
//!
//! OpenTelemetry's SDK makes histograms sample by sample, and has no way in for those that come aggregated.
//! So the messages are made here, from the same buckets that Prometheus gets.

mod attributes;
mod own;
mod points;

use std::{collections::BTreeMap, ops::RangeInclusive};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::InstrumentationScope,
    metrics::v1::{Metric, ResourceMetrics, ScopeMetrics},
    resource::v1::Resource,
};

use super::{batch::Batch, resource::Attributes, stream::Own};
use crate::{
    catalogue::{Kind, Metric as Declared},
    config::{HistogramForm, Temporality},
    snapshot::Labels,
};
use points::Points;

/// What the messages look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// What counters and histograms count from.
    pub temporality: Temporality,
    /// Which buckets histograms have.
    pub histograms: HistogramForm,
    /// Buckets of exponential histograms per power of two, as a power of two: 0 to 3.
    pub scale: u8,
    /// Explicit histograms of durations have a bound at each of these powers of two, in seconds.
    pub duration_exponents: RangeInclusive<i32>,
    /// Explicit histograms of sizes have a bound at each of these powers of two, in bytes.
    pub size_exponents: RangeInclusive<i32>,
    /// Say which container it was in resources, and not in the attributes of points.
    pub resource_per_container: bool,
}

/// Makes requests, always of the same form.
#[derive(Clone, Debug)]
pub struct Encoder {
    form: Form,
    resource: Attributes,
}

impl Encoder {
    /// An encoder for this exporter.
    pub fn new(form: Form, resource: Attributes) -> Self {
        Self { form, resource }
    }

    /// The request that carries a batch, and the exporter's own metrics.
    pub(crate) fn request(&self, batch: &Batch, own: &Own) -> ExportMetricsServiceRequest {
        let mut resources: BTreeMap<Labels, Vec<Metric>> = BTreeMap::new();
        for (metric, series) in batch.metrics() {
            let mut points: BTreeMap<Labels, Points> = BTreeMap::new();
            for (series, ended) in series {
                let (container, rest) = if self.form.resource_per_container {
                    attributes::divided(&series.labels)
                } else {
                    (Labels::default(), series.labels.clone())
                };
                let points = points.entry(container).or_insert_with(|| Points::of(metric, &self.form));
                points.add(metric, &self.form, &rest, series, ended, batch.taken);
            }
            for (container, points) in points {
                let metrics = resources.entry(container).or_default();
                metrics.push(self.metric(metric, points));
            }
        }
        if own.points() > 0 {
            resources.entry(Labels::default()).or_default().extend(own::metrics(own, batch.taken));
        }
        let resources = resources.into_iter().map(|(container, metrics)| self.resource(&container, metrics));
        ExportMetricsServiceRequest { resource_metrics: resources.collect() }
    }

    fn metric(&self, metric: &Declared, points: Points) -> Metric {
        Metric {
            name: metric.name.to_owned(),
            description: metric.help.to_owned(),
            unit: metric.unit.ucum(),
            metadata: Vec::new(),
            data: Some(points.into_data(self.form.temporality.is_delta(metric.kind))),
        }
    }

    fn resource(&self, container: &Labels, metrics: Vec<Metric>) -> ResourceMetrics {
        let own = if container == &Labels::default() {
            self.resource.all().collect::<Vec<_>>()
        } else {
            // Another entity than the exporter: only where it runs is the same.
            self.resource.of_the_host().collect()
        };
        let own = own.into_iter().map(|(key, value)| attributes::text(key, value));
        let resource =
            Resource { attributes: own.chain(attributes::of(container)).collect(), ..Resource::default() };
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }];
        ResourceMetrics { resource: Some(resource), scope_metrics, schema_url: String::new() }
    }
}

impl Form {
    fn exponents(&self, kind: Kind) -> RangeInclusive<i32> {
        match kind {
            Kind::Sizes => self.size_exponents.clone(),
            Kind::Durations | Kind::Counter | Kind::Gauge => self.duration_exponents.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
