//! The `kernel-exporter` binary: wiring only.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use clap::Parser as _;
use kernel_exporter::{
    cli::{self, Cli, Command, DoctorFormat, OnceFormat, Overrides},
    collectors::registry,
    config::Config,
    doctor::Diagnosis,
    engine::Engine,
    entities::kubernetes,
    health::{EngineMetrics, Health, KubernetesMetrics},
    logging, privileges,
    prometheus::{Exposition, Format},
    service::{self, Opened},
};
use tokio::sync::watch;
use tracing::error;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match (cli.command.unwrap_or_default(), cli.overrides.config()) {
        (Command::Generate(what), _) => what.text().map_err(Into::into).and_then(|text| print(&text)),
        (_, Err(error)) => {
            eprintln!("kernel-exporter: {error}");
            return ExitCode::from(cli::EXIT_USAGE);
        }
        (Command::List { format }, _) => {
            let collectors: Vec<_> =
                registry::descriptions().map(|about| (about.name, about.about, about.metrics)).collect();
            print!("{}", cli::list(format, &collectors));
            Ok(())
        }
        (Command::Check, Ok((source, config))) => {
            print!("{}", cli::check(&source, &config, &registry::metrics(&config), registry::map_bytes));
            Ok(())
        }
        (Command::Doctor { format }, Ok((_, config))) => return doctor(&config, format),
        (Command::Once { format, wait }, Ok((_, config))) => once(&config, format, wait),
        (Command::Run, Ok((_, config))) => {
            Opened::before_the_runtime(&config).and_then(|opened| run(&cli.overrides, config, opened))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error:#}");
            ExitCode::from(cli::EXIT_FAILED)
        }
    }
}

/// Says what works here; the exit code tells whether all of it does.
fn doctor(config: &Config, format: DoctorFormat) -> ExitCode {
    let diagnosis = Diagnosis::of(config);
    let text = match format {
        DoctorFormat::Text => Ok(diagnosis.text()),
        DoctorFormat::Json => diagnosis.json(),
    };
    let printed = text.map_err(anyhow::Error::from).and_then(|text| {
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())
            .context("cannot write to standard output")
    });
    match printed {
        Ok(()) if diagnosis.healthy => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(cli::EXIT_FAILED),
        Err(error) => {
            eprintln!("kernel-exporter: {error:#}");
            ExitCode::from(cli::EXIT_FAILED)
        }
    }
}

/// Measures for a while with the privileges that `run` keeps, prints, and ends.
fn once(config: &Config, format: OnceFormat, wait: Duration) -> Result<()> {
    logging::init(&config.log)?;
    privileges::restrict(config)?;
    print_once(config, format, wait)
}

#[tokio::main(worker_threads = 1)]
async fn print_once(config: &Config, format: OnceFormat, wait: Duration) -> Result<()> {
    let pods = kubernetes::start(&config.kubernetes);
    let mut engine = Engine::start(config, pods.clone())?;
    let (_, exposition) = watch::channel(Arc::new(Exposition::new(&(&config.histograms).into())));
    let health = Health::new()?.with_engine(EngineMetrics::new(engine.report(), exposition.clone()));
    health.registry().register(Box::new(KubernetesMetrics::new(pods)?))?;
    engine.read();
    tokio::time::sleep(wait).await;
    let snapshot = engine.read_last();
    let format = match format {
        OnceFormat::Text => Format::Text,
        OnceFormat::Openmetrics => Format::OpenMetrics,
    };
    let body = health.own().with(|own| exposition.borrow().encode(format, &snapshot, &own))?;
    print(&body)
}

fn print(text: &[u8]) -> Result<()> {
    std::io::Write::write_all(&mut std::io::stdout(), text).context("cannot write to standard output")
}

/// Measures and serves until it is told to end.
#[tokio::main(flavor = "current_thread")]
async fn run(overrides: &Overrides, config: Config, opened: Opened) -> Result<()> {
    service::run(overrides, config, opened).await
}
