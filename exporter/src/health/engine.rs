//! What the engine says about itself, as metrics.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use ::prometheus::proto::MetricType;
use tokio::sync::watch;

use super::{attachment, cost, identity};
use crate::{
    catalogue::{Kind, Metric as Declared},
    engine::{Report, RunTime},
    prometheus::{Exposition, ExpositionOptions, Told, ToldLabels},
    refusal::Reason,
    snapshot::classic_bounds,
};

/// The engine's last [`Report`], as metrics.
#[derive(Clone)]
pub struct EngineMetrics {
    report: Arc<Mutex<Report>>,
    exposition: watch::Receiver<Arc<Exposition>>,
}

impl EngineMetrics {
    /// From where the engine leaves its reports, and how its snapshots are exported.
    pub fn new(report: Arc<Mutex<Report>>, exposition: watch::Receiver<Arc<Exposition>>) -> Self {
        Self { report, exposition }
    }

    /// What `then` makes of them. The engine waits for it with its next report.
    pub(super) fn tell<T>(&self, then: impl FnOnce(Vec<Told<'_>>) -> T) -> T {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let exposition = Arc::clone(&self.exposition.borrow());
        then(told("kernel_exporter_", families(&report, exposition.options())).collect())
    }
}

impl fmt::Debug for EngineMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineMetrics").finish_non_exhaustive()
    }
}

/// Name, help, type and series.
pub(super) type Families<'a> = Vec<(&'static str, &'static str, MetricType, Vec<(ToldLabels<'a>, f64)>)>;

/// Those families that have series, with `prefix` before their names.
pub(super) fn told<'a>(prefix: &str, families: Families<'a>) -> impl Iterator<Item = Told<'a>> {
    let present = families.into_iter().filter(|(.., series)| !series.is_empty());
    present.map(move |(name, help, kind, series)| Told {
        name: format!("{prefix}{name}"),
        help,
        kind,
        series,
    })
}

/// Every family: name, help, type, series.
fn families<'a>(report: &'a Report, options: &ExpositionOptions) -> Families<'a> {
    let mut all = collectors(report);
    all.extend(attachment::families(report));
    all.extend(programs(report));
    all.extend(cost::families(report));
    all.extend(maps(report));
    all.extend(label_sets(report, options));
    all.extend(identity::families(report));
    all
}

fn collectors(report: &Report) -> Families<'_> {
    let up = report
        .collectors
        .iter()
        .map(|state| (vec![("collector", state.name.into())], f64::from(u8::from(state.refusal.is_none()))));
    let reasons = report.collectors.iter().flat_map(|state| {
        Reason::ALL.map(|reason| {
            let holds = state.refusal.as_ref().is_some_and(|refusal| refusal.reason == reason);
            let labels = vec![("collector", state.name.into()), ("reason", reason.name().into())];
            (labels, f64::from(u8::from(holds)))
        })
    });
    vec![
        ("collector_up", "Whether a collector measures", MetricType::GAUGE, up.collect()),
        (
            "collector_reason",
            "1 for the reason why a collector does not measure",
            MetricType::GAUGE,
            reasons.collect(),
        ),
    ]
}

fn programs(report: &Report) -> Families<'_> {
    let all = || {
        report.families.iter().flat_map(|family| {
            family.programs.iter().map(|program| {
                (vec![("family", family.family.into()), ("program", program.name.into())], program)
            })
        })
    };
    let info = all().map(|(mut labels, program)| {
        labels.extend([("hook", program.hook.into()), ("rung", program.rung.into())]);
        (labels, 1.0)
    });
    let runs = all().map(|(labels, program)| (labels, program.runs as f64));
    let seconds = all().map(|(mut labels, program)| {
        let method = match report.run_time {
            RunTime::Kernel => "kernel",
            RunTime::Sampled { .. } => "sampled",
        };
        labels.push(("method", method.into()));
        (labels, report.run_time.of(program))
    });
    let entry = match report.run_time {
        RunTime::Kernel => Vec::new(),
        RunTime::Sampled { entry_ns } => vec![(Vec::new(), entry_ns / 1e9)],
    };
    let misses = all().filter_map(|(labels, program)| Some((labels, program.misses? as f64)));
    vec![
        ("program_info", "How a BPF program is attached; always 1", MetricType::GAUGE, info.collect()),
        ("program_runs_total", "Times a BPF program ran", MetricType::COUNTER, runs.collect()),
        (
            "program_run_seconds_total",
            "Time spent in a BPF program: `sampled` is one timed run in 1,024 and the cost of entering it, `kernel` are the kernel's statistics, where they were on at the start",
            MetricType::COUNTER,
            seconds.collect(),
        ),
        (
            "program_entry_seconds",
            "Time that the kernel takes to enter and leave a BPF program, measured at the start",
            MetricType::GAUGE,
            entry,
        ),
        (
            "program_recursion_misses_total",
            "Runs that the kernel skipped because the program interrupted itself (from Linux 5.12)",
            MetricType::COUNTER,
            misses.collect(),
        ),
    ]
}

fn maps(report: &Report) -> Families<'_> {
    let bytes = report.families.iter().flat_map(|family| {
        family
            .maps
            .iter()
            .map(|(map, bytes)| (vec![("family", family.family.into()), ("map", map.into())], *bytes as f64))
    });
    let slots = |count: fn((usize, usize)) -> usize| {
        report
            .families
            .iter()
            .filter_map(move |family| {
                Some((vec![("family", family.family.into())], count(family.slots?) as f64))
            })
            .collect()
    };
    let failures = report.families.iter().flat_map(|family| {
        family.failures.iter().map(|(kind, count)| {
            (vec![("family", family.family.into()), ("kind", (*kind).into())], *count as f64)
        })
    });
    vec![
        ("map_bytes", "Kernel memory of a BPF map", MetricType::GAUGE, bytes.collect()),
        ("slots", "Places for label values in the kernel", MetricType::GAUGE, slots(|(_, all)| all)),
        (
            "slots_used",
            "Places for label values in the kernel that are taken",
            MetricType::GAUGE,
            slots(|(used, _)| used),
        ),
        (
            "failures_total",
            "What programs could not do as planned; its values are in the fold, or said to be missing by the kind's name",
            MetricType::COUNTER,
            failures.collect(),
        ),
    ]
}

fn label_sets<'a>(report: &'a Report, options: &ExpositionOptions) -> Families<'a> {
    let metrics = || report.ledger.iter().flat_map(|stats| &stats.metrics);
    let label_sets = metrics().flat_map(|stats| {
        let metric = stats.metric.prometheus_name();
        let states = [
            ("shown", stats.series),
            ("lingering", stats.lingering),
            ("folded", stats.folded),
            ("withheld", stats.withheld),
        ];
        states.map(|(state, count)| {
            (vec![("metric", metric.clone().into()), ("state", state.into())], count as f64)
        })
    });
    let series = metrics().flat_map(|stats| {
        let forms = [("native", 1), ("classic", classic_series(stats.metric, options))];
        forms.map(|(form, each)| {
            let labels = vec![("metric", stats.metric.prometheus_name().into()), ("form", form.into())];
            (labels, (stats.series * each) as f64)
        })
    });
    let dropped = report.ledger.iter().map(|stats| (Vec::new(), stats.dropped as f64));
    vec![
        (
            "label_sets",
            "Label sets per metric; those that linger are shown as well, those that are folded or withheld are not",
            MetricType::GAUGE,
            label_sets.collect(),
        ),
        (
            "series",
            "Series per metric, with native histograms and with classic ones",
            MetricType::GAUGE,
            series.collect(),
        ),
        (
            "dropped_increments_total",
            "Increments that no series took; must be 0",
            MetricType::COUNTER,
            dropped.collect(),
        ),
        (
            "cgroups",
            "Cgroups that are known by name",
            MetricType::GAUGE,
            vec![(Vec::new(), report.cgroups.known as f64)],
        ),
        (
            "cgroup_events_lost_total",
            "Births and deaths of cgroups that did not arrive; the tree was walked again",
            MetricType::COUNTER,
            vec![(Vec::new(), report.cgroups.lost_events as f64)],
        ),
        (
            "backward_values_total",
            "Kernel values that went back for several reads; must be 0",
            MetricType::COUNTER,
            vec![(Vec::new(), report.backward_values as f64)],
        ),
        (
            "failed_reads_total",
            "Reads of a hook family that failed; its series stay as they were",
            MetricType::COUNTER,
            vec![(Vec::new(), report.failed_reads as f64)],
        ),
    ]
}

/// Series that one label set of a metric makes without native histograms.
fn classic_series(metric: &Declared, options: &ExpositionOptions) -> usize {
    let exponents = match metric.kind {
        Kind::Counter | Kind::Gauge => return 1,
        Kind::Durations => &options.duration_exponents,
        Kind::Sizes => &options.size_exponents,
    };
    let bounds = if options.classic { classic_bounds(metric.kind, exponents.clone()).count() } else { 0 };
    // And those for `+Inf`, the sum and the count.
    bounds + 3
}
