//! How pushes fare, as metrics.

use ::prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::{histogram_opts, opts, registered};
use crate::otlp::Reason;

/// How pushes to all endpoints fare.
#[derive(Clone, Debug)]
pub struct PushMetrics {
    exports: IntCounterVec,
    failures: IntCounterVec,
    points: IntCounterVec,
    rejected: IntCounterVec,
    dropped: IntCounterVec,
    bytes: IntCounterVec,
    duration: HistogramVec,
    queued: IntGaugeVec,
}

/// How pushes to one endpoint fare.
#[derive(Clone, Debug)]
pub struct EndpointMetrics {
    /// Requests that were accepted.
    pub exports: IntCounter,
    /// Attempts that failed, by endpoint and reason.
    pub failures: IntCounterVec,
    /// Points that were accepted.
    pub points: IntCounter,
    /// Points that the endpoint rejected, of requests that it accepted.
    pub rejected: IntCounter,
    /// Points given up, because they may have arrived and could not be sent again.
    pub dropped: IntCounter,
    /// Bytes of requests that were accepted, before compression.
    pub bytes: IntCounter,
    /// From each attempt to its answer, or the lack of one.
    pub duration: Histogram,
    /// Requests that wait for an answer or the next attempt.
    pub queued: IntGauge,
}

impl PushMetrics {
    /// Without endpoints yet.
    ///
    /// # Errors
    ///
    /// When they are registered twice.
    pub fn register(registry: &Registry) -> Result<Self, ::prometheus::Error> {
        let counter =
            |name, help, labels: &[&str]| registered(registry, IntCounterVec::new(opts(name, help), labels));
        let duration = histogram_opts(
            "otlp_export_duration_seconds",
            "Time from an attempt to push until its answer, or until there was none",
        )?;
        let queued = opts(
            "otlp_queued_requests",
            "Requests that wait for an answer or for the next attempt; never more than one per endpoint",
        );
        Ok(Self {
            exports: counter("otlp_exports_total", "Pushes that were accepted", &["endpoint"])?,
            failures: counter(
                "otlp_failures_total",
                "Attempts to push that failed",
                &["endpoint", "reason"],
            )?,
            points: counter("otlp_points_total", "Points that were accepted", &["endpoint"])?,
            rejected: counter(
                "otlp_rejected_points_total",
                "Points that the endpoint rejected out of pushes that it accepted",
                &["endpoint"],
            )?,
            dropped: counter(
                "otlp_dropped_points_total",
                "Points given up, because they may have arrived and were rejected when they were sent again",
                &["endpoint"],
            )?,
            bytes: counter(
                "otlp_sent_bytes_total",
                "Bytes of pushes that were accepted, before compression",
                &["endpoint"],
            )?,
            duration: registered(registry, HistogramVec::new(duration, &["endpoint"]))?,
            queued: registered(registry, IntGaugeVec::new(queued, &["endpoint"]))?,
        })
    }

    /// Shows those of an endpoint no more.
    pub fn forget(&self, endpoint: &str) {
        // What was not there is not there.
        for reason in Reason::ALL {
            let _ = self.failures.remove_label_values(&[endpoint, reason.name()]);
        }
        for counters in [&self.exports, &self.points, &self.rejected, &self.dropped, &self.bytes] {
            let _ = counters.remove_label_values(&[endpoint]);
        }
        let _ = self.duration.remove_label_values(&[endpoint]);
        let _ = self.queued.remove_label_values(&[endpoint]);
    }

    /// Those of one endpoint, at zero.
    pub fn of(&self, endpoint: &str) -> EndpointMetrics {
        for reason in Reason::ALL {
            self.failures.with_label_values(&[endpoint, reason.name()]);
        }
        let labels = &[endpoint];
        EndpointMetrics {
            exports: self.exports.with_label_values(labels),
            failures: self.failures.clone(),
            points: self.points.with_label_values(labels),
            rejected: self.rejected.with_label_values(labels),
            dropped: self.dropped.with_label_values(labels),
            bytes: self.bytes.with_label_values(labels),
            duration: self.duration.with_label_values(labels),
            queued: self.queued.with_label_values(labels),
        }
    }
}
