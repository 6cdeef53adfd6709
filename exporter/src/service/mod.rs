//! The running exporter: everything that `kernel-exporter run` starts, put together.

mod budget;
mod reload;
mod restart;
mod triggers;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    net::TcpListener,
    select,
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tracing::info;

use crate::{
    budget::{Governor, Shed, costs},
    cli::Overrides,
    config::{Config, ListenAddress},
    engine::{Engine, Report},
    entities::kubernetes,
    health::{self, EngineMetrics, Health, KubernetesMetrics},
    kernel::host,
    live::Live,
    logging::{self, Logging},
    otlp::Pushers,
    privileges,
    prometheus::Exposition,
    server::{self, CollectorStatus, Cost, Hub, Reloads, Site, Web},
    service_manager,
    snapshot::Snapshot,
};
use triggers::Triggers;

/// Scrapes that come this soon after a read share it.
const SHARED: Duration = Duration::from_millis(50);

/// All that runs.
struct Service {
    /// The config in force.
    config: Config,
    logging: Logging,
    health: Arc<Health>,
    engine: Arc<Mutex<Engine>>,
    report: Arc<Mutex<Report>>,
    exposition: watch::Sender<Arc<Exposition>>,
    read_interval: watch::Sender<Duration>,
    live: Arc<Live>,
    router: axum::Router,
    /// Whom it answers, and by what protocol.
    web: Arc<Web>,
    server: Server,
    /// The server has the service manager's socket, which it keeps whatever the config says.
    is_given_socket: bool,
    pushers: Pushers,
    governor: Governor,
    /// What collectors have given up.
    shed: Shed,
    reloads: Arc<Reloads>,
    reads: JoinHandle<()>,
    records: JoinHandle<()>,
    attends: JoinHandle<()>,
}

/// What there is before the runtime is, whose threads never have the privileges that were given up until then.
pub struct Opened {
    logging: Logging,
    listener: std::net::TcpListener,
    /// It is the service manager's, which stays whatever the config says.
    is_given_socket: bool,
}

impl Opened {
    /// Writes messages from now on, opens the port, which may take a privilege, and then gives up what is not needed.
    ///
    /// # Errors
    ///
    /// When the port is not to be had, or privileges stay.
    pub fn before_the_runtime(config: &Config) -> Result<Self> {
        host::share_one_heap();
        let logging = logging::init(&config.log)?;
        // First what can't be had twice: a second exporter is to leave before it costs anything.
        let given = service_manager::listener()?;
        let is_given_socket = given.is_some();
        let listener = match given {
            Some(listener) => listener,
            None => std::net::TcpListener::bind(config.listen.as_str())
                .with_context(|| cannot_listen(&config.listen))?,
        };
        listener.set_nonblocking(true)?;
        privileges::restrict(config)?;
        Ok(Self { logging, listener, is_given_socket })
    }
}

/// Measures and serves until it is told to end.
///
/// # Errors
///
/// When it cannot begin to.
pub async fn run(overrides: &Overrides, config: Config, opened: Opened) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (reloads, requests) = Reloads::new();
    let mut triggers = Triggers::new(overrides.config_file(), config.reload.watch, requests)?;
    let mut service = Service::start(config, opened, reloads)?;
    let mut budget = Instant::now() + budget::period(&service.config.budget);
    loop {
        let trigger = select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            trigger = triggers.next() => trigger,
            () = sleep_until(budget) => {
                service.keep_budget().await;
                budget = Instant::now() + budget::period(&service.config.budget);
                continue;
            }
        };
        let result = service.reload(overrides).await;
        triggers.watch(service.config.reload.watch);
        budget = budget.min(Instant::now() + budget::period(&service.config.budget));
        trigger.answer(result);
    }
    info!("ending");
    service_manager::stopping();
    service.end().await;
    Ok(())
}

impl Service {
    fn start(config: Config, opened: Opened, reloads: Arc<Reloads>) -> Result<Self> {
        let Opened { logging, listener, is_given_socket } = opened;
        let listener = TcpListener::from_std(listener)?;
        let pods = kubernetes::start(&config.kubernetes);
        restart::check(&config.restart)?;
        let mut engine = Engine::start(&config, pods.clone())?;
        let told = restart::resume(&mut engine, &config.restart);
        let (report, deliveries) = (engine.report(), engine.deliveries());
        let engine = Arc::new(Mutex::new(engine));
        let governor = budget::governor(&config.budget);
        let (exposition, shown) = watch::channel(Arc::new(Exposition::new(&(&config.histograms).into())));
        let engine_metrics = EngineMetrics::new(Arc::clone(&report), shown.clone());
        let health = Arc::new(Health::new()?.with_engine(engine_metrics));
        health.registry().register(Box::new(KubernetesMetrics::new(pods)?))?;
        let live = Arc::new(Live::new(&config.live, health.live().clone()));
        let (reader, history) = (Arc::clone(&engine), Arc::clone(&live));
        let hub = Arc::new(Hub::observed(
            move || locked(&reader).read(),
            SHARED,
            health.reads().clone(),
            move |snapshot| history.offer(snapshot),
        ));
        let (pushed, gone, scraped) = (deliveries.clone(), deliveries.clone(), deliveries);
        let on_pushed = Box::new(move |to: &str, snapshot: &Snapshot| pushed.add(to, snapshot));
        let on_gone = Box::new(move |who: &str| gone.forget(who));
        let pushers = Pushers::start(&config, &hub, told, health.own(), on_pushed, on_gone)?;
        reloads.allow_requests(config.reload.http);
        let router = server::router(Site {
            hub: Arc::clone(&hub),
            health: Arc::clone(&health),
            exposition: shown,
            collectors: {
                let report = Arc::clone(&report);
                Box::new(move || statuses(&report))
            },
            cost: {
                let (report, health) = (Arc::clone(&report), Arc::clone(&health));
                Box::new(move || cost(&report, &health))
            },
            live: Arc::clone(&live),
            on_delivered: Box::new(move |to, snapshot| scraped.add(to, snapshot)),
            reloads: Arc::clone(&reloads),
        });
        let web = Web::load(&config.web_config_file, health.registry())?;
        let server = Server::start(listener, &router, &web)?;
        let (read_interval, interval) = watch::channel(config.read_interval);
        let reader = Arc::clone(&hub);
        let reads = tokio::spawn(async move { reader.run(interval).await });
        let recorder = Arc::clone(&live);
        let records = tokio::spawn(async move { recorder.run().await });
        let attends = tokio::spawn(attend(server.address, hub, Arc::clone(&health), Arc::clone(&report)));
        Ok(Self {
            config,
            logging,
            health,
            engine,
            report,
            exposition,
            read_interval,
            live,
            router,
            web,
            server,
            is_given_socket,
            pushers,
            governor,
            shed: Shed::default(),
            reloads,
            reads,
            records,
            attends,
        })
    }
}

/// Tells the service manager how it goes.
async fn attend(address: SocketAddr, hub: Arc<Hub>, health: Arc<Health>, report: Arc<Mutex<Report>>) {
    let read = || async {
        let failed = || locked(&report).failed_reads;
        let before = failed();
        hub.fresh().await;
        health.reads().stale.get() == 0 && failed() == before
    };
    service_manager::attend(read, || in_a_sentence(address, &report)).await;
}

/// What the service manager shows.
fn in_a_sentence(address: SocketAddr, report: &Mutex<Report>) -> String {
    let states = statuses(report);
    let measuring = states.iter().filter(|state| state.up).count();
    format!("{measuring} of {} collectors measure, serving on {address}", states.len())
}

/// A server on one address.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    fn start(listener: TcpListener, router: &axum::Router, web: &Arc<Web>) -> Result<Self> {
        let address = listener.local_addr()?;
        info!(%address, "serving metrics at /metrics");
        let (stop, stopped) = oneshot::channel();
        let (router, web) = (router.clone(), Arc::clone(web));
        let task = tokio::spawn(async move {
            server::serve(listener, router, web, async { drop(stopped.await) }).await;
        });
        Ok(Self { address, stop, task })
    }

    /// Answers what it was asked, for at most a second.
    async fn end(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}

async fn listen(address: &ListenAddress) -> Result<TcpListener> {
    let listener = TcpListener::bind(address.as_str()).await;
    listener.with_context(|| cannot_listen(address))
}

fn cannot_listen(address: &ListenAddress) -> String {
    format!("cannot listen on {address}; set `listen` in the config")
}

/// What the exporter costs, for the page.
fn cost(report: &Mutex<Report>, health: &Health) -> Cost {
    let report = locked(report);
    let collectors = costs(&report.families, report.run_time).into_iter();
    let maps = report.families.iter().flat_map(|family| &family.maps);
    let limit = health.budget().limit.get();
    let is_known = limit > 0.0; // from the first look at the cost on
    Cost {
        cores: is_known.then(|| health.budget().usage.get()),
        limit: (is_known && limit.is_finite()).then_some(limit),
        cpus: host::online_cpus(),
        memory: health::resident_bytes(),
        maps: maps.map(|(_, bytes)| bytes).sum(),
        stale: health.reads().stale.get() != 0,
        collectors: collectors
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, cost)| (name.to_owned(), cost.programs + cost.reads))
            .collect(),
    }
}

/// What the page says of the collectors.
fn statuses(report: &Mutex<Report>) -> Vec<CollectorStatus> {
    let report = locked(report);
    let collectors = report.collectors.iter().map(|state| CollectorStatus {
        name: state.name.to_owned(),
        up: state.refusal.is_none(),
        detail: state.refusal.as_ref().map_or_else(|| "measuring".to_owned(), ToString::to_string),
    });
    collectors.collect()
}

/// Locks, also after a panic elsewhere: a read that has panicked begins anew.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
