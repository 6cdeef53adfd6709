//! The rules one by one, and all of them at random.

mod budgets;
mod gauges;
mod law;
mod lives;
mod scrapers;
mod withholding;

use super::*;
use crate::{catalogue::keys, snapshot::HistogramValue};

static COUNTER: Metric = Metric::of_tests("test.counter", Kind::Counter);
static OTHER: Metric = Metric::of_tests("test.other", Kind::Counter);
static DURATIONS: Metric = Metric::of_tests("test.durations", Kind::Durations);
static GAUGE: Metric = Metric::of_tests("test.gauge", Kind::Gauge);

const FOLD: &str = "(all other cgroups)";

fn cgroup(name: &str) -> Labels {
    Labels::new([(&keys::CGROUP, name)])
}

/// A ledger with a clock, which stands still unless it is told to go on.
struct Bench {
    ledger: Ledger,
    now: Now,
}

impl Bench {
    fn new(label_sets_per_metric: usize, label_sets: usize) -> Self {
        let limits = Limits { label_sets_per_metric, label_sets, ..Limits::default() };
        let now =
            Now { monotonic: Instant::now(), wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000) };
        Self { ledger: Ledger::new(limits, &[]), now }
    }

    fn sleep(&mut self, seconds: u64) {
        self.now.monotonic += Duration::from_secs(seconds);
        self.now.wall += Duration::from_secs(seconds);
    }

    /// Lets time pass, then does what every read does.
    fn tick_after(&mut self, seconds: u64) {
        self.sleep(seconds);
        self.ledger.tick(self.now);
    }

    fn claim(&mut self, metric: &'static Metric, name: &str) -> Claim {
        self.ledger.claim(metric, &cgroup(name), self.now)
    }

    fn release(&mut self, claim: Claim) {
        self.ledger.release(claim, self.now);
    }

    fn scrape(&mut self, by: &str) -> Snapshot {
        self.ledger.tick(self.now);
        let snapshot = self.ledger.snapshot(self.now);
        let edition = snapshot.edition;
        self.ledger.delivered(&Consumer::new(by), edition, self.now);
        snapshot
    }

    fn set_limits(&mut self, label_sets_per_metric: usize, label_sets: usize) {
        let limits = Limits { label_sets_per_metric, label_sets, ..Limits::default() };
        self.ledger.set_limits(limits, self.now);
    }

    /// What a snapshot shows of a metric: (cgroup, value, seconds at its start).
    fn shown(&mut self, metric: &'static Metric) -> Vec<(String, i128, u64)> {
        let snapshot = self.ledger.snapshot(self.now);
        shown(&snapshot, metric)
    }

    /// The same without start times.
    fn values(&mut self, metric: &'static Metric) -> Vec<(String, i128)> {
        self.shown(metric).into_iter().map(|(name, value, _)| (name, value)).collect()
    }
}

fn shown(snapshot: &Snapshot, metric: &'static Metric) -> Vec<(String, i128, u64)> {
    let family = snapshot.families.iter().find(|family| family.metric == metric);
    let series = family.into_iter().flat_map(|family| &family.series);
    series
        .map(|series| {
            let value = match &series.value {
                Value::Counter(total) => i128::from(*total),
                Value::Gauge(level) => i128::from(*level),
                Value::Histogram(histogram) => i128::from(histogram.count()),
            };
            let start = series.start.duration_since(SystemTime::UNIX_EPOCH).expect("tests are after 1970");
            (series.labels.get(&keys::CGROUP).unwrap_or_default().to_owned(), value, start.as_secs())
        })
        .collect()
}

/// What [`Bench::values`] is compared with.
fn are<const N: usize>(values: [(&str, i128); N]) -> Vec<(String, i128)> {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Adds to a histogram.
fn samples(number: u16, samples: u64) -> HistogramDelta {
    HistogramDelta { buckets: vec![(number, samples)], sum: samples * 10 }
}

/// Everything that is counted while it changes is what counting it anew gives.
fn assert_consistent(ledger: &Ledger) {
    let sets = &ledger.label_sets;
    let has_place = |set: &LabelSet| set.standing == label_set::Standing::Named;
    let is_folded = |set: &LabelSet| matches!(set.standing, label_set::Standing::Folded { .. });
    for (number, book) in ledger.books.iter().enumerate() {
        let count = |sort: &dyn Fn(&LabelSet) -> bool| {
            sets.iter().filter(|(_, set)| set.book == number && sort(set)).count()
        };
        assert_eq!(book.places_taken, count(&has_place));
        assert_eq!(book.folded, count(&is_folded));
        assert_eq!(book.index.len(), count(&|_| true));
        assert!(
            count(&LabelSet::is_named) <= ledger.limits.label_sets_per_metric,
            "budget of {}",
            book.metric
        );
    }
    assert_eq!(ledger.places_taken, sets.iter().filter(|(_, set)| has_place(set)).count());
    let named = sets.iter().filter(|(_, set)| set.is_named()).count();
    assert!(named <= ledger.limits.label_sets, "budget in all");
    for (id, set) in sets {
        let claims = ledger.claims.iter().filter(|(_, held)| held.label_set == id).count();
        let folded = sets.iter().filter(|(_, set)| set.passed_on_to() == Some(id)).count();
        assert_eq!(set.users as usize, claims + folded, "users of {:?}", set.labels);
        let is_withheld = set.standing == label_set::Standing::Withheld;
        let is_disclosed = matches!(set.standing, label_set::Standing::Disclosed { .. });
        assert!(
            set.users > 0 || set.lingers_since.is_some() || is_withheld,
            "{:?} is kept for nobody",
            set.labels
        );
        assert!(set.series.is_some() || is_folded(set) || is_disclosed, "{:?} shows nothing", set.labels);
        let idle = set.series.is_some() && (set.users == 0 || is_folded(set)) && !is_withheld;
        assert_eq!(set.lingers_since.is_some(), idle, "lingering of {:?}", set.labels);
    }
    let lingering = sets.iter().filter_map(|(id, set)| Some((set.lingers_since?, id))).collect();
    assert_eq!(ledger.lingering, lingering);
    assert_eq!(ledger.stats().dropped, 0);
}
