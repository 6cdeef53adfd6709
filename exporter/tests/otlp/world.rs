//! Random increments, births and deaths, and what they add up to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use kernel_exporter::{
    catalogue::{Kind, Metric, Unit, keys},
    entities::ledger::{Claim, Consumer, Ledger, Limits, Now},
    snapshot::{HistogramDelta, Labels, Snapshot},
};

const fn metric(name: &'static str, kind: Kind, unit: Unit) -> Metric {
    Metric { name, kind, unit, help: "for tests", identity: &[], attributes: &[], source: "nowhere" }
}

pub(crate) static CPU: Metric = metric("test.cpu.time", Kind::Counter, Unit::Seconds);
pub(crate) static SWITCHES: Metric = metric("test.switches", Kind::Counter, Unit::Things("switch"));
pub(crate) static LATENCY: Metric = metric("test.latency", Kind::Durations, Unit::Seconds);
pub(crate) static LEVEL: Metric = metric("test.level", Kind::Gauge, Unit::Things("thing"));

/// Sums over all series that ever were, in measured units: a metric's name, for a histogram also with
/// ` count`.
pub(crate) type Totals = BTreeMap<String, u128>;

/// What is measured, as far as this test goes.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

struct Inner {
    ledger: Ledger,
    living: BTreeMap<u64, [Claim; 4]>,
    random: u64,
    is_busy: bool,
    truth: Totals,
    delivered: Vec<(String, kernel_exporter::snapshot::Edition)>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let limits = Limits { label_sets_per_metric: 6, label_sets: 20, ..Limits::default() };
        let ledger = Ledger::new(limits, &[&CPU, &SWITCHES, &LATENCY, &LEVEL]);
        let truth = Totals::new();
        let living = BTreeMap::new();
        Self(Arc::new(Mutex::new(Inner {
            ledger,
            living,
            random: seed,
            is_busy: true,
            truth,
            delivered: Vec::new(),
        })))
    }

    /// What a read of the maps does: time passes, and there is a snapshot.
    pub(crate) fn read(&self) -> Snapshot {
        let mut inner = self.0.lock().expect("no panics");
        let inner = &mut *inner;
        let now = Now::read();
        if inner.is_busy {
            inner.live(now);
        }
        for (consumer, edition) in std::mem::take(&mut inner.delivered) {
            inner.ledger.delivered(&Consumer::new(consumer), edition, now);
        }
        inner.ledger.tick(now);
        inner.ledger.snapshot(now)
    }

    pub(crate) fn delivered(&self, to: &str, snapshot: &Snapshot) {
        self.0.lock().expect("no panics").delivered.push((to.to_owned(), snapshot.edition));
    }

    /// Nothing happens from now on. What had happened by then.
    pub(crate) fn settle(&self) -> Totals {
        let mut inner = self.0.lock().expect("no panics");
        inner.is_busy = false;
        inner.truth.clone()
    }

    /// Everybody is gone from now on.
    pub(crate) fn die_out(&self) {
        let mut inner = self.0.lock().expect("no panics");
        let now = Now::read();
        for claim in std::mem::take(&mut inner.living).into_values().flatten() {
            inner.ledger.release(claim, now);
        }
        inner.is_busy = false;
    }
}

impl Inner {
    fn live(&mut self, now: Now) {
        for _ in 0..5 {
            let who = self.below(10);
            if self.below(4) == 0 {
                for claim in self.living.remove(&who).into_iter().flatten() {
                    self.ledger.release(claim, now);
                }
                continue;
            }
            let labels = Labels::new([(&keys::COMMAND, who.to_string().as_str())]);
            let (by, bucket) = (1 + self.below(1_000_000), self.below(200) as u16);
            let ledger = &mut self.ledger;
            let [cpu, switches, latency, level] = self.living.entry(who).or_insert_with(|| {
                [&CPU, &SWITCHES, &LATENCY, &LEVEL].map(|metric| ledger.claim(metric, &labels, now))
            });
            ledger.count(cpu, by);
            ledger.count(switches, by % 100);
            ledger.observe(latency, &HistogramDelta { buckets: vec![(bucket, by % 7 + 1)], sum: by });
            ledger.set(level, by as i64);
            for (name, by) in [
                ("test.cpu.time", by),
                ("test.switches", by % 100),
                ("test.latency", by),
                ("test.latency count", by % 7 + 1),
            ] {
                *self.truth.entry(name.to_owned()).or_default() += u128::from(by);
            }
        }
    }

    /// xorshift: the same for the same seed.
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }
}
