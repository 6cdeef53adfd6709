//! How the web configuration and those who must satisfy it fare, as metrics.

use std::time::SystemTime;

use ::prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Registry};

use super::opts;

/// Why a request was refused before anybody looked at what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestRefusal {
    /// There is no token left in the bucket of `rate_limit`.
    RateLimit,
    /// No user with this password.
    Unauthorized,
    /// Too many passwords are being checked.
    Busy,
}

impl RequestRefusal {
    const ALL: [Self; 3] = [Self::RateLimit, Self::Unauthorized, Self::Busy];

    fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
        }
    }
}

/// How it stands with the web configuration. A clone counts into the same metrics.
#[derive(Clone, Debug)]
pub struct WebMetrics {
    last_reload_successful: IntGauge,
    last_success: Gauge,
    refused: IntCounterVec,
    /// Connections that ended before TLS was set up.
    pub tls_errors: IntCounter,
}

impl WebMetrics {
    /// All at zero.
    ///
    /// # Errors
    ///
    /// Never, as long as the names below can be names.
    pub fn new() -> Result<Self, ::prometheus::Error> {
        let refused = opts(
            "requests_refused_total",
            "Requests refused by the web config: over its rate limit, without a user's password, or while too many \
             passwords were being checked",
        );
        let refused = IntCounterVec::new(refused, &["reason"])?;
        for reason in RequestRefusal::ALL {
            refused.with_label_values(&[reason.name()]);
        }
        Ok(Self {
            last_reload_successful: IntGauge::with_opts(opts(
                "web_config_last_reload_successful",
                "Whether the web config and the files it names were valid when they were last read",
            ))?,
            last_success: Gauge::with_opts(opts(
                "web_config_last_reload_success_timestamp_seconds",
                "When the web config in force was read",
            ))?,
            refused,
            tls_errors: IntCounter::with_opts(opts(
                "tls_handshake_errors_total",
                "Connections that ended before TLS was set up",
            ))?,
        })
    }

    /// Shows them.
    ///
    /// # Errors
    ///
    /// When they are shown already.
    pub fn register(&self, registry: &Registry) -> Result<(), ::prometheus::Error> {
        registry.register(Box::new(self.last_reload_successful.clone()))?;
        registry.register(Box::new(self.last_success.clone()))?;
        registry.register(Box::new(self.refused.clone()))?;
        registry.register(Box::new(self.tls_errors.clone()))
    }

    /// The files were read, well or not.
    pub fn reloaded(&self, well: bool) {
        self.last_reload_successful.set(i64::from(well));
        if well {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            self.last_success.set(now.as_secs_f64());
        }
    }

    /// A request was refused.
    pub fn refused(&self, reason: RequestRefusal) {
        self.refused.with_label_values(&[reason.name()]).inc();
    }
}
