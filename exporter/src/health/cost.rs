//! What collectors cost, and what they have given up for the budget.

use ::prometheus::{Gauge, IntCounter, IntCounterVec, Registry, proto::MetricType};

use super::{engine::Families, opts, registered};
use crate::{
    budget::{Left, costs},
    engine::Report,
};

pub(super) fn families(report: &Report) -> Families<'_> {
    let costs = costs(&report.families, report.run_time);
    let seconds =
        costs.iter().filter(|(collector, _)| !collector.is_empty()).flat_map(|(collector, cost)| {
            [("programs", cost.programs), ("reads", cost.reads)].map(|(part, seconds)| {
                (vec![("collector", (*collector).into()), ("part", part.into())], seconds)
            })
        });
    let shed = report.collectors.iter().flat_map(|state| {
        let left = report.shed.left(state.name);
        [("histograms", left.is_some()), ("all", left == Some(Left::Nothing))].map(|(what, is_shed)| {
            let labels = vec![("collector", state.name.into()), ("what", what.into())];
            (labels, f64::from(u8::from(is_shed)))
        })
    });
    vec![
        (
            "collector_cpu_seconds_total",
            "CPU time of a collector's BPF programs, and of reading their maps, since they were attached",
            MetricType::COUNTER,
            seconds.collect(),
        ),
        (
            "collector_shed",
            "Whether a collector has given up its histograms, or all, to keep within the budget",
            MetricType::GAUGE,
            shed.collect(),
        ),
    ]
}

/// How the cost is kept within its budget. A clone counts into the same metrics.
#[derive(Clone, Debug)]
pub struct BudgetMetrics {
    /// CPUs in use, over the last window.
    pub usage: Gauge,
    /// CPUs that may be used; infinite without a limit.
    pub limit: Gauge,
    /// Steps down.
    pub down: IntCounter,
    /// Steps up.
    pub up: IntCounter,
    /// Steps that could not be made.
    pub failed: IntCounter,
}

impl BudgetMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, ::prometheus::Error> {
        let gauge = |name, help| registered(registry, Gauge::with_opts(opts(name, help)));
        let steps = opts(
            "budget_steps_total",
            "Times that a collector gave something up, took it back, or could not",
        );
        let steps = registered(registry, IntCounterVec::new(steps, &["result"]))?;
        Ok(Self {
            usage: gauge(
                "cpu_usage_cores",
                "CPUs that BPF programs and exporter have kept busy on average over `budget.window`: 0.01 is a \
                 hundredth of one core",
            )?,
            limit: gauge("budget_cores", "CPUs that `budget.cpu` allows them; +Inf without a limit")?,
            down: steps.with_label_values(&["down"]),
            up: steps.with_label_values(&["up"]),
            failed: steps.with_label_values(&["failed"]),
        })
    }
}
