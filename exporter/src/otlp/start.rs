//! From the config to running tasks.

use std::{env, fmt, sync::Arc, time::Duration};

use anyhow::Result;
use prometheus::Registry;
use tokio::{sync::watch, task::JoinSet};
use tracing::{info, warn};

use super::{Attributes, Client, Encoder, Form, Pusher, Schedule, Stream, environment::settings};
use crate::{
    config::Config,
    health::PushMetrics,
    server::{Hub, OnDelivered},
};

/// How long the exporter's end may wait for the last pushes.
const FAREWELL: Duration = Duration::from_secs(5);

/// The wait after a first failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The tasks that push. They end when this is dropped.
pub struct Pushers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Pushers {
    /// One for each endpoint that the config or the environment names. They need a runtime.
    ///
    /// # Errors
    ///
    /// When an endpoint's files with certificates or keys cannot be used.
    pub fn start(
        config: &Config,
        hub: &Arc<Hub>,
        registry: &Registry,
        on_delivered: OnDelivered,
    ) -> Result<Self> {
        let settings = settings(&config.otlp, |name| env::var(name).ok());
        for warning in &settings.warnings {
            warn!("environment: {warning}");
        }
        let otlp = settings.otlp;
        let mut pushers = Self { tasks: JoinSet::new(), stop: watch::Sender::new(false) };
        if otlp.endpoints.is_empty() {
            return Ok(pushers);
        }
        let node = Some(config.kubernetes.node.as_str().to_owned()).filter(|node| !node.is_empty());
        let node = node.or_else(|| env::var("NODE_NAME").ok().filter(|node| !node.is_empty()));
        let resource = Attributes::of_this_exporter(node.as_deref(), settings.resource);
        let histograms = &config.histograms;
        let form = Form {
            temporality: otlp.temporality,
            histograms: otlp.histograms,
            scale: histograms.scale as u8,
            duration_exponents: (&histograms.duration_bounds).into(),
            size_exponents: (&histograms.size_bounds).into(),
            resource_per_container: otlp.resource_per_container,
        };
        let encoder = Encoder::new(form, resource);
        let metrics = PushMetrics::register(registry)?;
        let on_delivered = Arc::new(on_delivered);
        for endpoint in &otlp.endpoints {
            let name = endpoint.url.to_string();
            info!(endpoint = name, interval = ?otlp.interval, "pushing");
            let pusher = Pusher {
                client: Client::new(endpoint)?,
                encoder: encoder.clone(),
                // All that may be shown at once, and as much again of what is gone.
                stream: Stream::new(otlp.temporality, 2 * config.limits.label_sets as usize),
                hub: Arc::clone(hub),
                on_delivered: Arc::clone(&on_delivered),
                registry: registry.clone(),
                metrics: metrics.of(&name),
                schedule: Schedule {
                    interval: otlp.interval,
                    first_backoff: FIRST_BACKOFF,
                    farewell: FAREWELL,
                },
                name,
            };
            pushers.tasks.spawn(pusher.run(pushers.stop.subscribe()));
        }
        Ok(pushers)
    }

    /// Pushes once more, and ends.
    pub async fn end(mut self) {
        self.stop.send_replace(true);
        let last = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, last).await.is_err() {
            warn!("the last push did not arrive in time");
        }
    }
}

impl fmt::Debug for Pushers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushers").field("endpoints", &self.tasks.len()).finish()
    }
}
