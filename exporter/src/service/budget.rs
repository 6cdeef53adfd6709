//! Keeping the cost within its budget.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::{Service, locked};
use crate::{
    budget::{Governor, Move, Sample, Shed, costs},
    config::Budget,
    engine::Engine,
    health,
    kernel::host,
};

/// Samples per window.
const SAMPLES: u32 = 6;

/// The cost is looked at this often.
pub(super) fn period(budget: &Budget) -> Duration {
    budget.window / SAMPLES
}

/// Who keeps the cost within a budget; without a limit, who measures it.
pub(super) fn governor(budget: &Budget) -> Governor {
    Governor::new(limit(budget), budget.window)
}

/// In CPUs.
fn limit(budget: &Budget) -> f64 {
    budget.cpu.fraction().map_or(f64::INFINITY, |share| share * host::online_cpus())
}

impl Service {
    /// Looks at the cost, and does what is to be done about it.
    pub(super) async fn keep_budget(&mut self) {
        let engine = Arc::clone(&self.engine);
        if let Err(panic) = spawn_blocking(move || locked(&engine).take_stock()).await {
            warn!(%panic, "a defect: the cost is not known");
            return;
        }
        let sample = self.sample();
        let Self { governor, shed, config: asked, .. } = self;
        let next = governor.note(sample, |collector| shed.down(collector, asked).is_some());
        let metrics = self.health.budget().clone();
        let (usage, limit) = (self.governor.usage(), limit(&self.config.budget));
        metrics.limit.set(limit);
        metrics.usage.set(usage.unwrap_or(metrics.usage.get()));
        let Some(next) = next else { return };
        let (collector, shed) = match next {
            Move::Down(collector) => (collector, self.shed.down(collector, &self.config).unwrap_or_default()),
            Move::Up(collector) => (collector, self.shed.up(collector, &self.config)),
        };
        if let Err(error) = self.go_over(shed.clone()).await {
            metrics.failed.inc();
            warn!(collector, "cannot keep the budget: {error:#}");
            self.governor.failed();
            return;
        }
        let (left, cores) = (shed.left(collector), usage);
        if matches!(next, Move::Down(_)) {
            metrics.down.inc();
            warn!(collector, ?left, cores, limit, "over the budget: this collector gives something up");
        } else {
            metrics.up.inc();
            info!(collector, ?left, cores, limit, "within the budget: this collector takes something back");
        }
        self.governor.moved(next);
        self.shed = shed;
    }

    async fn go_over(&self, shed: Shed) -> Result<()> {
        let (engine, asked) = (Arc::clone(&self.engine), self.config.clone());
        let change = spawn_blocking(move || {
            let change = Engine::prepare(&engine, &asked, shed, None)?;
            locked(&engine).make(change);
            anyhow::Ok(())
        });
        change.await.context("a defect")?
    }

    /// What everything has cost so far.
    fn sample(&self) -> Sample {
        let at = Instant::now();
        let report = locked(&self.report);
        let costs = costs(&report.families, report.run_time);
        let programs: f64 = costs.iter().map(|(_, cost)| cost.programs).sum();
        let own = health::cpu_seconds().unwrap_or_default();
        let collectors: BTreeMap<_, _> =
            costs.into_iter().map(|(name, cost)| (name, cost.programs + cost.reads)).collect();
        Sample { at, total: programs + own, collectors }
    }
}
