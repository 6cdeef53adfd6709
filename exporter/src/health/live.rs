//! How it stands with the history of the live page, as metrics.

use ::prometheus::{Gauge, IntCounter, IntGauge, Registry};

use super::{counter, gauge, opts, registered};

/// How it stands with the history. A clone counts into the same metrics.
#[derive(Clone, Debug)]
pub struct LiveMetrics {
    /// Bytes that it takes.
    pub bytes: IntGauge,
    /// Bytes that it may take.
    pub limit: IntGauge,
    /// Seconds from its begin to its end.
    pub span: Gauge,
    /// Requests of pages that were answered.
    pub requests: IntCounter,
    /// Requests of pages that were refused because too many were in flight, or reading took too long.
    pub rejected: IntCounter,
}

impl LiveMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, ::prometheus::Error> {
        let span = opts("live_history_seconds", "How far the history of the live page goes back");
        Ok(Self {
            bytes: gauge(registry, "live_history_bytes", "Memory that the history of the live page takes")?,
            limit: gauge(
                registry,
                "live_history_limit_bytes",
                "Memory that `live.memory` allows the history; 0 when the live page is off",
            )?,
            span: registered(registry, Gauge::with_opts(span))?,
            requests: counter(
                registry,
                "live_requests_total",
                "Requests of open live pages that were answered",
            )?,
            rejected: counter(
                registry,
                "live_requests_rejected_total",
                "Requests of open live pages that were refused because too many were in flight, or reading took too long",
            )?,
        })
    }
}
