//! An exporter that pushes to a receiver.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use kernel_exporter::{
    config::{HistogramForm, Protocol, Temporality},
    health::{Health, PushMetrics},
    otlp::{Attributes, Client, Destination, Encoder, Form, Position, Pusher, Schedule},
    server::Hub,
};
use tokio::{runtime::Runtime, sync::watch};

use super::{receiver::Shared, service::Service, tls::Authority, world::World};

/// Requests are given up after this time.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(250);

/// A world, and somebody who wants to hear of it.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) shared: Arc<Shared>,
    pub(crate) service: Option<Service>,
    pub(crate) histograms: HistogramForm,
    protocol: Protocol,
    temporality: Temporality,
    scheme: &'static str,
}

impl Bench {
    pub(crate) fn new(protocol: Protocol, temporality: Temporality) -> Self {
        let shared = Arc::new(Shared::default());
        let service = Some(Service::start(protocol, 0, &shared, None));
        Self {
            world: World::new(42),
            shared,
            service,
            histograms: HistogramForm::Exponential,
            protocol,
            temporality,
            scheme: "http",
        }
    }

    pub(crate) fn with_tls(mut self, authority: &Authority) -> Self {
        self.service = Some(Service::start(self.protocol, 0, &self.shared, Some(authority)));
        self.scheme = "https";
        self
    }

    /// The receiver goes away and comes back at the same address.
    pub(crate) fn restart_service(&mut self, away: Duration) {
        let port = self.service.take().expect("it runs").address.port();
        thread::sleep(away);
        self.service = Some(Service::start(self.protocol, port, &self.shared, None));
    }

    /// Pushes until the result is dropped.
    pub(crate) fn push(&self, change: impl FnOnce(&mut Destination)) -> Pushes {
        let address = self.service.as_ref().expect("it runs").address;
        let mut endpoint = Destination {
            url: format!("{}://{address}{}", self.scheme, path(self.protocol)).parse().expect("a URL"),
            protocol: self.protocol,
            timeout: TIMEOUT,
            ..Destination::default()
        };
        change(&mut endpoint);
        let form = Form {
            temporality: self.temporality,
            histograms: self.histograms,
            scale: 3,
            duration_exponents: -20..=6,
            size_exponents: 9..=26,
            resource_per_container: false,
        };
        let health = Health::new().expect("names are distinct");
        let metrics = PushMetrics::register(health.registry()).expect("names are distinct");
        let (world, on) = (self.world.clone(), self.world.clone());
        let hub = Arc::new(Hub::new(move || world.read(), Duration::ZERO, health.reads().clone()));
        let runtime = Runtime::new().expect("a runtime");
        let (stop, stopped) = watch::channel(false);
        let pusher = Pusher {
            name: "test".to_owned(),
            client: Client::new(&endpoint).expect("a client"),
            encoder: Encoder::new(form, Attributes::default()),
            position: Position::after(None, None, self.temporality, 1_000),
            hub: Arc::clone(&hub),
            on_delivered: Arc::new(Box::new(move |to, snapshot| on.delivered(to, snapshot))),
            own_metrics: health.own().clone(),
            metrics: metrics.of("test"),
            schedule: Schedule {
                interval: Duration::from_millis(30),
                first_backoff: Duration::from_millis(4),
                farewell: Duration::from_secs(2),
            },
        };
        let task = runtime.spawn(pusher.run(stopped));
        Pushes { stop, task: Some(task), health, hub, runtime }
    }
}

/// Where receivers listen for metrics.
pub(crate) fn path(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "/v1/metrics",
        Protocol::Grpc => "",
    }
}

/// Pushes that go on.
pub(crate) struct Pushes {
    stop: watch::Sender<bool>,
    task: Option<tokio::task::JoinHandle<Option<Position>>>,
    health: Health,
    pub(crate) hub: Arc<Hub>,
    pub(crate) runtime: Runtime,
}

impl Pushes {
    /// A metric of the pushes, summed over its labels.
    pub(crate) fn total(&self, name: &str) -> f64 {
        let name = format!("kernel_exporter_otlp_{name}");
        let families = self.health.registry().gather();
        let family = families.iter().find(|family| family.name() == name).expect("a metric");
        let metrics = family.get_metric().iter();
        metrics.map(|metric| metric.get_counter().value() + metric.get_gauge().value()).sum()
    }

    /// Waits until the metrics are as they should be, and fails after some seconds.
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends as the exporter does.
    pub(crate) fn end(&mut self) {
        self.stop.send_replace(true);
        let task = self.task.take().expect("it runs");
        self.runtime.block_on(task).expect("no panic").expect("no defect");
    }
}
