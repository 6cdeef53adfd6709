//! From the config to running tasks, and from one config to the next.

use std::{collections::BTreeMap, env, fmt, fs, sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tracing::{info, warn};

use super::{Attributes, Client, Destination, Encoder, Form, Position, Pusher, Schedule, Settings};
use crate::{
    config::Config,
    health::{OwnMetrics, PushMetrics},
    server::{Hub, OnDelivered},
    snapshot::Snapshot,
};

/// How long the end of an endpoint, or of the exporter, may wait for the last push.
const FAREWELL: Duration = Duration::from_secs(5);

/// The wait after a first failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// Takes note of an endpoint that is not pushed to any more.
pub type OnGone = Box<dyn Fn(&str) + Send + Sync>;

/// The tasks that push. When this is dropped, they push once more and end.
pub struct Pushers {
    shared: Shared,
    /// By the URL.
    tasks: BTreeMap<String, Task>,
}

/// What all tasks use.
#[derive(Clone)]
struct Shared {
    hub: Arc<Hub>,
    told: Option<Arc<Snapshot>>,
    own_metrics: OwnMetrics,
    metrics: PushMetrics,
    on_delivered: Arc<OnDelivered>,
    on_gone: Arc<OnGone>,
}

struct Task {
    /// What it does; `None` for one that is ending.
    plan: Option<Plan>,
    stop: watch::Sender<bool>,
    /// Gives what the endpoint has been told, unless that is of no use any more.
    handle: JoinHandle<Option<Position>>,
}

/// All that the pushes to one endpoint depend on.
#[derive(Clone, PartialEq)]
struct Plan {
    destination: Destination,
    /// What is in the files with certificates and the key: it changes more often than their names.
    files: [Option<Vec<u8>>; 3],
    form: Form,
    resource: Attributes,
    interval: Duration,
    /// Series that are kept for an endpoint that cannot be reached.
    most: usize,
}

impl Pushers {
    /// One for each endpoint that the config or the environment names. They need a runtime. `told` is what another
    /// exporter has told of the same series.
    ///
    /// # Errors
    ///
    /// When an endpoint's files with certificates or keys cannot be used.
    pub fn start(
        config: &Config,
        hub: &Arc<Hub>,
        told: Option<Snapshot>,
        own_metrics: &OwnMetrics,
        on_delivered: OnDelivered,
        on_gone: OnGone,
    ) -> Result<Self> {
        let shared = Shared {
            hub: Arc::clone(hub),
            told: told.map(Arc::new),
            own_metrics: own_metrics.clone(),
            metrics: PushMetrics::register(own_metrics.registry())?,
            on_delivered: Arc::new(on_delivered),
            on_gone: Arc::new(on_gone),
        };
        let mut pushers = Self { shared, tasks: BTreeMap::new() };
        pushers.apply(config)?;
        Ok(pushers)
    }

    /// Goes over to another config. Endpoints for which nothing changes are not touched; those for which
    /// something does go on from where they were; those that are gone are told the rest, and then nobody waits
    /// for them any more. That goes on after this returns.
    ///
    /// With another temporality an endpoint's series begin anew: the first deltas are all that was counted since
    /// their start.
    ///
    /// # Errors
    ///
    /// When an endpoint's files with certificates or keys cannot be used. All stays as it was then.
    pub fn apply(&mut self, config: &Config) -> Result<()> {
        let mut plans = Plan::of(config);
        self.tasks.retain(|_, task| task.plan.is_some() || !task.handle.is_finished());
        let current = |name: &String| self.tasks.get(name).and_then(|task| task.plan.as_ref());
        let gone = self.tasks.iter().filter(|(name, task)| task.plan.is_some() && !plans.contains_key(*name));
        let gone: Vec<_> = gone.map(|(name, _)| name.clone()).collect();
        plans.retain(|name, plan| current(name) != Some(plan));
        let new = plans.into_iter().map(|(name, plan)| Ok((name, Client::new(&plan.destination)?, plan)));
        let new = new.collect::<Result<Vec<_>>>()?;
        for name in gone {
            self.close(name);
        }
        for (name, client, plan) in new {
            self.open(name, client, plan);
        }
        Ok(())
    }

    fn open(&mut self, name: String, client: Client, plan: Plan) {
        info!(endpoint = name, interval = ?plan.interval, "pushing");
        let before = self.tasks.remove(&name).map(Task::stopped);
        let (stop, stopped) = watch::channel(false);
        let (shared, kept, url) = (self.shared.clone(), plan.clone(), name.clone());
        let handle = tokio::spawn(async move {
            // One after the other: there is one request to an endpoint at a time.
            let position = match before {
                Some(before) => before.await.ok().flatten(),
                None => None,
            };
            shared.pusher(name, client, plan, position).run(stopped).await
        });
        self.tasks.insert(url, Task { plan: Some(kept), stop, handle });
    }

    fn close(&mut self, name: String) {
        let Some(mut before) = self.tasks.remove(&name).map(Task::stopped) else { return };
        info!(endpoint = name, "pushing no more");
        let (shared, url) = (self.shared.clone(), name.clone());
        let handle = tokio::spawn(async move {
            if timeout(FAREWELL, &mut before).await.is_err() {
                warn!(endpoint = name, "the last push did not arrive in time");
                before.abort();
                // It ends at once, and then cannot say any more that it has carried something.
                let _ = before.await;
            }
            (shared.on_gone)(&name);
            shared.metrics.forget(&name);
            None
        });
        self.tasks.insert(url, Task { plan: None, stop: watch::Sender::new(true), handle });
    }

    /// Whether nobody is pushed to.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Pushes once more, and ends.
    pub async fn end(mut self) {
        let handles: Vec<_> = std::mem::take(&mut self.tasks).into_values().map(Task::stopped).collect();
        let until = Instant::now() + FAREWELL;
        for mut handle in handles {
            if timeout_at(until, &mut handle).await.is_err() {
                warn!("the last push did not arrive in time");
                handle.abort();
            }
        }
    }
}

impl Task {
    /// Tells it to end; what is left is to wait for that.
    fn stopped(self) -> JoinHandle<Option<Position>> {
        self.stop.send_replace(true);
        self.handle
    }
}

impl Shared {
    fn pusher(&self, name: String, client: Client, plan: Plan, position: Option<Position>) -> Pusher {
        Pusher {
            client,
            position: Position::after(position, self.told.as_deref(), plan.form.temporality, plan.most),
            encoder: Encoder::new(plan.form, plan.resource),
            hub: Arc::clone(&self.hub),
            on_delivered: Arc::clone(&self.on_delivered),
            own_metrics: self.own_metrics.clone(),
            metrics: self.metrics.of(&name),
            schedule: Schedule { interval: plan.interval, first_backoff: FIRST_BACKOFF, farewell: FAREWELL },
            name,
        }
    }
}

impl Plan {
    /// What a config and the environment ask for, by URL.
    fn of(config: &Config) -> BTreeMap<String, Self> {
        let settings = Settings::new(&config.otlp, |name| env::var(name).ok());
        for warning in &settings.warnings {
            warn!("otlp: {warning}");
        }
        let histograms = &config.histograms;
        let form = Form {
            temporality: settings.temporality,
            histograms: settings.histograms,
            scale: histograms.scale as u8,
            duration_exponents: (&histograms.duration_bounds).into(),
            size_exponents: (&histograms.size_bounds).into(),
            resource_per_container: settings.resource_per_container,
        };
        if settings.destinations.is_empty() {
            return BTreeMap::new();
        }
        let node = config.kubernetes.node_name();
        let resource = Attributes::of_this_exporter(node.as_deref(), settings.resource);
        let plans = settings.destinations.into_iter().map(|destination| {
            let tls = &destination.tls;
            let files = [&tls.ca_file, &tls.cert_file, &tls.key_file].map(|file| fs::read(file).ok());
            let plan = Self {
                files,
                form: form.clone(),
                resource: resource.clone(),
                interval: settings.interval,
                // All that may be shown at once, and as much again of what is gone.
                most: 2 * config.limits.label_sets as usize,
                destination,
            };
            (plan.destination.url.to_string(), plan)
        });
        plans.collect()
    }
}

impl fmt::Debug for Pushers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushers").field("endpoints", &self.tasks.keys()).finish_non_exhaustive()
    }
}
