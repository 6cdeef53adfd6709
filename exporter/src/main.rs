//! The `kernel-exporter` binary: wiring only.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Parser as _;
use kernel_exporter::{
    cli::{self, Cli, Command, OnceFormat},
    collectors::registry,
    config::Config,
    engine::{Engine, Report},
    entities::kubernetes,
    health::{EngineMetrics, Health, KubernetesMetrics},
    logging,
    otlp::Pushers,
    prometheus::{Exposition, ExpositionOptions, Format},
    server::{self, CollectorStatus, Hub, Site},
    snapshot::Snapshot,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing::{error, info};

/// Scrapes that come this soon after a read share it.
const SHARED: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (source, config) = match cli.overrides.config() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("kernel-exporter: {error}");
            return ExitCode::from(cli::EXIT_USAGE);
        }
    };
    let result = match cli.command.unwrap_or(Command::Run) {
        Command::List { format } => {
            let collectors: Vec<_> =
                registry::descriptions().map(|about| (about.name, about.about, about.metrics)).collect();
            print!("{}", cli::list(format, &collectors));
            Ok(())
        }
        Command::Check => {
            print!("{}", cli::check(&source, &config, registry::map_bytes));
            Ok(())
        }
        Command::Once { format, wait } => once(&config, format, wait),
        Command::Run => run(&config),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error:#}");
            ExitCode::from(cli::EXIT_FAILED)
        }
    }
}

/// Measures for a while, prints, and ends.
#[tokio::main(worker_threads = 1)]
async fn once(config: &Config, format: OnceFormat, wait: Duration) -> Result<()> {
    logging::init(&config.log)?;
    let pods = kubernetes::start(&config.kubernetes);
    let mut engine = Engine::start(config, pods.clone())?;
    let health = Health::new()?;
    health.registry().register(Box::new(KubernetesMetrics::new(pods)?))?;
    health.registry().register(Box::new(EngineMetrics::new(engine.report(), exposition(config))?))?;
    engine.read();
    tokio::time::sleep(wait).await;
    let snapshot = engine.read_last();
    let format = match format {
        OnceFormat::Text => Format::Text,
        OnceFormat::Openmetrics => Format::OpenMetrics,
    };
    let body = Exposition::new(&exposition(config)).encode(format, &snapshot, &health.registry().gather())?;
    std::io::Write::write_all(&mut std::io::stdout(), &body).context("cannot write to standard output")
}

/// Measures and serves until it is told to end.
#[tokio::main(flavor = "current_thread")]
async fn run(config: &Config) -> Result<()> {
    logging::init(&config.log)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listen = config.listen.as_str();
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; set `listen` in the config"))?;
    let pods = kubernetes::start(&config.kubernetes);
    let mut engine = Engine::start(config, pods.clone())?;
    let (report, deliveries) = (engine.report(), engine.deliveries());
    let health = Arc::new(Health::new()?);
    health.registry().register(Box::new(EngineMetrics::new(Arc::clone(&report), exposition(config))?))?;
    health.registry().register(Box::new(KubernetesMetrics::new(pods)?))?;
    let hub = Arc::new(Hub::new(move || engine.read(), SHARED, health.reads().clone()));
    let pushed = deliveries.clone();
    let on_pushed = Box::new(move |to: &str, snapshot: &Snapshot| pushed.add(to, snapshot));
    let pushers = Pushers::start(config, &hub, health.registry(), on_pushed)?;
    let router = server::router(Site {
        hub: Arc::clone(&hub),
        health,
        exposition: Exposition::new(&exposition(config)),
        collectors: Box::new(move || statuses(&report)),
        on_delivered: Box::new(move |to, snapshot| deliveries.add(to, snapshot)),
    });
    info!(address = %listener.local_addr()?, "serving metrics at /metrics");
    let interval = config.read_interval;
    let reads = tokio::spawn(async move { hub.run(interval).await });
    server::serve(listener, router, async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        info!("ending");
    })
    .await;
    pushers.end().await;
    reads.abort();
    Ok(())
}

fn exposition(config: &Config) -> ExpositionOptions {
    let histograms = &config.histograms;
    ExpositionOptions {
        scale: histograms.scale as u8,
        duration_exponents: (&histograms.duration_bounds).into(),
        size_exponents: (&histograms.size_bounds).into(),
        classic: histograms.classic,
    }
}

/// What the landing page says of the collectors.
fn statuses(report: &Mutex<Report>) -> Vec<CollectorStatus> {
    let report = report.lock().unwrap_or_else(PoisonError::into_inner);
    let collectors = report.collectors.iter().map(|state| CollectorStatus {
        name: state.name.to_owned(),
        up: state.refusal.is_none(),
        detail: state.refusal.as_ref().map_or_else(|| "measuring".to_owned(), ToString::to_string),
    });
    collectors.collect()
}
