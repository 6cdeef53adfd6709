//! How the readings of the config went.

use ::prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

use super::{gauge, opts, registered};

/// How the readings of the config went. A clone counts into the same metrics.
#[derive(Clone, Debug)]
pub struct ReloadMetrics {
    successful: IntGauge,
    success_time: IntGauge,
    applied: IntCounter,
    refused: IntCounter,
}

impl ReloadMetrics {
    /// With the reading at the start, which went well.
    pub(super) fn register(registry: &Registry) -> Result<Self, ::prometheus::Error> {
        let reloads =
            opts("config_reloads_total", "Times that the running exporter was given its config anew");
        let reloads = registered(registry, IntCounterVec::new(reloads, &["result"]))?;
        let metrics = Self {
            successful: gauge(
                registry,
                "config_last_reload_successful",
                "Whether the config was valid and came into force when it was last read; if not, the one before it \
                 is still in force",
            )?,
            success_time: gauge(
                registry,
                "config_last_reload_success_timestamp_seconds",
                "When the config in force was read, in seconds since 1970",
            )?,
            applied: reloads.with_label_values(&["applied"]),
            refused: reloads.with_label_values(&["refused"]),
        };
        metrics.set(true);
        Ok(metrics)
    }

    /// The config was read again.
    pub fn note(&self, is_in_force: bool) {
        if is_in_force { &self.applied } else { &self.refused }.inc();
        self.set(is_in_force);
    }

    fn set(&self, is_in_force: bool) {
        self.successful.set(i64::from(is_in_force));
        if is_in_force {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            self.success_time.set(now.as_secs().cast_signed());
        }
    }
}
