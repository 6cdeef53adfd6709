//! The exporter's own metrics: what it is, what it costs, and how its reads and scrapes fare.

mod attachment;
mod cost;
mod engine;
mod identity;
mod kubernetes;
mod live;
mod otlp;
mod own;
mod process;
mod reload;
mod web;

pub use cost::BudgetMetrics;
pub use engine::EngineMetrics;
pub use kubernetes::KubernetesMetrics;
pub use live::LiveMetrics;
pub use otlp::{EndpointMetrics, PushMetrics};
pub use own::OwnMetrics;
pub use process::{cpu_seconds, resident_bytes};
pub use reload::ReloadMetrics;
pub use web::{RequestRefusal, WebMetrics};

use ::prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntGauge, Opts, Registry, core::Collector,
    exponential_buckets,
};

use crate::prometheus::Format;
use process::ProcessMetrics;

/// The exporter's own metrics. Whoever has some of their own registers them with [`registry`](Self::registry).
#[derive(Debug)]
pub struct Health {
    own: OwnMetrics,
    reads: ReadMetrics,
    scrapes: ScrapeMetrics,
    reloads: ReloadMetrics,
    budget: BudgetMetrics,
    live: LiveMetrics,
}

impl Health {
    /// All metrics at zero, those of the process included.
    ///
    /// # Errors
    ///
    /// Only when two metrics declared here have the same name.
    pub fn new() -> Result<Self, ::prometheus::Error> {
        let registry = Registry::new();
        registry.register(Box::new(build_info()?))?;
        registry.register(Box::new(ProcessMetrics::new()?))?;
        let reads = ReadMetrics::register(&registry)?;
        let scrapes = ScrapeMetrics::register(&registry)?;
        let reloads = ReloadMetrics::register(&registry)?;
        let budget = BudgetMetrics::register(&registry)?;
        let live = LiveMetrics::register(&registry)?;
        Ok(Self { own: OwnMetrics::new(registry), reads, scrapes, reloads, budget, live })
    }

    /// With those of this engine as well.
    #[must_use]
    pub fn with_engine(mut self, engine: EngineMetrics) -> Self {
        self.own.add_engine(engine);
        self
    }

    /// All of them.
    pub fn own(&self) -> &OwnMetrics {
        &self.own
    }

    /// Where all but the engine's are registered.
    pub fn registry(&self) -> &Registry {
        self.own.registry()
    }

    /// For the one who reads the maps.
    pub fn reads(&self) -> &ReadMetrics {
        &self.reads
    }

    /// For the one who keeps the cost within its budget.
    pub fn budget(&self) -> &BudgetMetrics {
        &self.budget
    }

    /// For the one who reads the config.
    pub fn reloads(&self) -> &ReloadMetrics {
        &self.reloads
    }

    /// For the one who keeps the live page's history.
    pub fn live(&self) -> &LiveMetrics {
        &self.live
    }

    /// For the one who answers scrapes.
    pub fn scrapes(&self) -> &ScrapeMetrics {
        &self.scrapes
    }
}

/// How the reads of the maps fare. A clone counts into the same metrics.
#[derive(Clone, Debug)]
pub struct ReadMetrics {
    /// How long a read took.
    pub duration: Histogram,
    /// Reads, failed ones included.
    pub total: IntCounter,
    /// Reads that panicked.
    pub panics: IntCounter,
    /// 1 when the last read failed and an earlier snapshot is shown.
    pub stale: IntGauge,
}

impl ReadMetrics {
    fn register(registry: &Registry) -> Result<Self, ::prometheus::Error> {
        let duration = histogram_opts("read_duration_seconds", "Time it took to read all maps")?;
        Ok(Self {
            duration: registered(registry, Histogram::with_opts(duration))?,
            total: counter(registry, "reads_total", "Reads of all maps, failed ones included")?,
            panics: counter(
                registry,
                "read_panics_total",
                "Reads of all maps that ended in a defect of the exporter",
            )?,
            stale: gauge(
                registry,
                "snapshot_stale",
                "Whether the last read failed, so that an earlier one is shown",
            )?,
        })
    }
}

/// How scrapes fare. A clone counts into the same metrics.
#[derive(Clone, Debug)]
pub struct ScrapeMetrics {
    /// From the request to the complete body, by format.
    pub duration: HistogramVec,
    /// Scrapes whose body has not been taken yet.
    pub in_flight: IntGauge,
    /// Scrapes that were refused because too many were in flight.
    pub rejected: IntCounter,
    /// Scrapes that would have taken longer than their scrapers wait.
    pub timed_out: IntCounter,
}

impl ScrapeMetrics {
    fn register(registry: &Registry) -> Result<Self, ::prometheus::Error> {
        let duration = histogram_opts(
            "scrape_duration_seconds",
            "Time from the request until the body was ready to be sent, reading the maps included",
        )?;
        let duration = registered(registry, HistogramVec::new(duration, &["format"]))?;
        for format in Format::ALL {
            // Known label sets start at 0, so that the first scrape shows in a rate.
            duration.with_label_values(&[format.name()]);
        }
        Ok(Self {
            duration,
            in_flight: gauge(registry, "scrapes_in_flight", "Scrapes being answered")?,
            rejected: counter(
                registry,
                "scrapes_rejected_total",
                "Scrapes refused because too many were in flight",
            )?,
            timed_out: counter(
                registry,
                "scrapes_timed_out_total",
                "Scrapes that were given up because reading took longer than the scraper said it would wait",
            )?,
        })
    }
}

/// Always 1; the labels tell which exporter this is. What the build did not say is `unknown`.
fn build_info() -> Result<IntGauge, ::prometheus::Error> {
    let info = IntGauge::with_opts(
        opts("build_info", "Which exporter this is; always 1")
            .const_label("version", env!("CARGO_PKG_VERSION"))
            .const_label("revision", option_env!("KERNEL_EXPORTER_REVISION").unwrap_or("unknown"))
            .const_label("rustversion", option_env!("KERNEL_EXPORTER_RUSTVERSION").unwrap_or("unknown"))
            .const_label("arch", std::env::consts::ARCH),
    )?;
    info.set(1);
    Ok(info)
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("kernel_exporter")
}

/// 2^-14 s (61 µs) to 2^2 s: from a read of few maps to one that misses scrapes.
fn histogram_opts(name: &str, help: &str) -> Result<HistogramOpts, ::prometheus::Error> {
    let buckets = exponential_buckets(f64::exp2(-14.0), 2.0, 17)?;
    Ok(HistogramOpts { common_opts: opts(name, help), buckets })
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, ::prometheus::Error> {
    registered(registry, IntCounter::with_opts(opts(name, help)))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, ::prometheus::Error> {
    registered(registry, IntGauge::with_opts(opts(name, help)))
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: Result<C, ::prometheus::Error>,
) -> Result<C, ::prometheus::Error> {
    let metric = metric?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_there_from_the_start() {
        let families = Health::new().expect("names are distinct").registry().gather();
        let names: Vec<&str> = families.iter().map(|family| family.name()).collect();
        for name in [
            "kernel_exporter_build_info",
            "kernel_exporter_config_last_reload_success_timestamp_seconds",
            "kernel_exporter_config_last_reload_successful",
            "kernel_exporter_config_reloads_total",
            "kernel_exporter_live_history_bytes",
            "kernel_exporter_live_history_limit_bytes",
            "kernel_exporter_live_history_seconds",
            "kernel_exporter_live_requests_total",
            "kernel_exporter_read_duration_seconds",
            "kernel_exporter_read_panics_total",
            "kernel_exporter_reads_total",
            "kernel_exporter_scrape_duration_seconds",
            "kernel_exporter_scrapes_in_flight",
            "kernel_exporter_scrapes_rejected_total",
            "kernel_exporter_scrapes_timed_out_total",
            "kernel_exporter_snapshot_stale",
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
        ] {
            assert!(names.contains(&name), "{name} is missing in {names:?}");
        }
    }
}
