//! The ledger: all series, under the law of increments.
//!
//! **A series owns the increments that happened while its labels were in force.** Folding, unfolding,
//! renaming and other budgets move only increments to come. So no counter ever goes back, and for every
//! sequence of births, folds and deaths the sum of increases over all series is what was recorded.
//!
//! An entity (the tenancy of a slot, a process) holds a [`Claim`] on a label set of a metric. Claims on equal
//! label sets share one series. A label set is in one of these states:
//!
//! ```text
//!              place free                     all claims released
//!   claimed ───────────────► named ─────────────────────────────────────► lingering ──► gone
//!      │                     │   ▲ ▲                                      │    ▲
//!      │         loses place │   │ └──────── claimed again ───────────────┘    │
//!      │                     ▼   │ gets a place                                │
//!      └──────────────────► folded ─── its own series, if it has one ──────────┘
//! ```
//!
//! - *Named*: its increments go to a series of its own. It takes one place of the budget, also while it
//!   lingers after its last claim was released.
//! - *Folded*: its increments go to the series of the label set in which everything that says who did it is
//!   replaced ([`Labels::folded`]). If it had a series, that one stays as it is until it has lingered.
//! - *Lingering*: nobody adds to the series, but not everybody has carried its last value yet. It goes after
//!   two deliveries to each consumer, and after [`Limits::linger`] in any case; the longest dead that
//!   everybody has carried once go early when others wait for a place. Claimed again, the same series goes
//!   on. Once gone, the label set's next series begins at zero, with a new start time.
//!
//! A label set with a [`placeholder`] is *withheld* until its names are known.
//!
//! Label sets that folding doesn't change are always named and take no place: there are only as many as
//! their other labels have values, and the totals need them.
//!
//! A gauge has no increments. Its value is the sum over its claims, which folding moves as a whole, and it
//! goes with the last one of them.

mod delivery;
mod inherited;
mod label_set;
mod places;
mod standing;
mod stats;
mod withheld;

pub use delivery::Consumer;
pub use stats::{MetricStats, Stats};
pub use withheld::placeholder;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use rustc_hash::FxHashMap;
use slab::Slab;

use crate::{
    catalogue::{Kind, Metric},
    snapshot::{self, Edition, Family, HistogramDelta, Labels, Snapshot, Value},
};
use delivery::Deliveries;
use label_set::{Id, LabelSet, Series};

/// How many label sets have series of their own, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Places for the label sets of one metric.
    pub label_sets_per_metric: usize,
    /// Places for the label sets of all metrics together.
    pub label_sets: usize,
    /// How long a series that nobody adds to stays at most, and a consumer is waited for that is silent.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { label_sets_per_metric: 1_000, label_sets: 10_000, linger: Duration::from_secs(5 * 60) }
    }
}

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For what lasts.
    pub monotonic: Instant,
    /// For what is shown.
    pub wall: SystemTime,
}

impl Now {
    /// This moment.
    pub fn read() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }
}

/// An entity's hold on a label set of a metric, to be given back with [`Ledger::release`]. It cannot be
/// copied and is worth something only to the ledger that gave it out, so it is valid as long as it exists.
#[derive(Debug)]
#[must_use = "a claim that is not released keeps its series for ever"]
pub struct Claim(usize);

/// What a claim stands for.
struct Held {
    label_set: Id,
    /// For a gauge: this claim's part in the sum.
    part: i64,
}

/// The label sets of one metric.
struct Book {
    metric: &'static Metric,
    index: BTreeMap<Labels, Id>,
    /// How many are named.
    places_taken: usize,
    /// How many are folded.
    folded: usize,
}

/// All series; see the [module](self).
pub struct Ledger {
    limits: Limits,
    books: Vec<Book>,
    books_by_metric: FxHashMap<&'static Metric, usize>,
    label_sets: Slab<LabelSet>,
    claims: Slab<Held>,
    /// Label sets whose series lingers, the longest dead first.
    lingering: BTreeSet<(Instant, Id)>,
    /// Label sets that are withheld, by their placeholder.
    withheld: FxHashMap<Arc<str>, Vec<Id>>,
    /// Places taken in all books.
    places_taken: usize,
    /// Of the latest snapshot.
    edition: Edition,
    deliveries: Deliveries,
    /// When label sets were last ranked by activity.
    ranked: Option<Instant>,
    dropped: u64,
}

impl Ledger {
    /// An empty ledger. Snapshots have the metrics in the order of `catalogue`, and after them others in the
    /// order of their first claims.
    pub fn new(limits: Limits, catalogue: &[&'static Metric]) -> Self {
        let mut ledger = Self {
            limits,
            books: Vec::new(),
            books_by_metric: FxHashMap::default(),
            label_sets: Slab::new(),
            claims: Slab::new(),
            lingering: BTreeSet::new(),
            withheld: FxHashMap::default(),
            places_taken: 0,
            edition: Edition::default(),
            deliveries: Deliveries::default(),
            ranked: None,
            dropped: 0,
        };
        for metric in catalogue {
            ledger.book(metric);
        }
        ledger
    }

    fn book(&mut self, metric: &'static Metric) -> usize {
        *self.books_by_metric.entry(metric).or_insert_with(|| {
            self.books.push(Book { metric, index: BTreeMap::new(), places_taken: 0, folded: 0 });
            self.books.len() - 1
        })
    }

    /// A hold on a label set. The series that has its increments can be seen at once, at zero when it is new,
    /// so that the first increment shows as an increase.
    pub fn claim(&mut self, metric: &'static Metric, labels: &Labels, now: Now) -> Claim {
        let book = self.book(metric);
        let label_set = self.join(book, labels, now);
        Claim(self.claims.insert(Held { label_set, part: 0 }))
    }

    /// The label set of a claim.
    pub fn labels(&self, claim: &Claim) -> &Labels {
        &self.label_sets[self.claims[claim.0].label_set].labels
    }

    /// The metric of a claim.
    pub fn metric(&self, claim: &Claim) -> &'static Metric {
        self.books[self.label_sets[self.claims[claim.0].label_set].book].metric
    }

    /// Adds to a [`Kind::Counter`], in the unit in which it is measured.
    pub fn count(&mut self, claim: &Claim, by: u64) {
        if by == 0 {
            return;
        }
        match self.receive(claim, by) {
            // Wraps, which takes 2^64 ns of the time of all CPUs together. Who reads it takes that for a
            // restart and misjudges one interval; a counter that stood still at its end would be wrong for good.
            Some(Value::Counter(total)) => *total = total.wrapping_add(by),
            _ => self.dropped += 1,
        }
    }

    /// Adds to a [`Kind::Durations`] or [`Kind::Sizes`].
    pub fn observe(&mut self, claim: &Claim, delta: &HistogramDelta) {
        if delta.is_empty() {
            return;
        }
        let samples = delta.buckets.iter().map(|(_, samples)| samples).sum();
        match self.receive(claim, samples) {
            Some(Value::Histogram(total)) => Arc::make_mut(total).add(delta),
            _ => self.dropped += 1,
        }
    }

    /// The value to which a claim's increments are added now.
    fn receive(&mut self, claim: &Claim, activity: u64) -> Option<&mut Value> {
        let own = self.claims[claim.0].label_set;
        self.label_sets[own].activity.add(activity);
        let receiver = self.receiver(own);
        let series = self.label_sets[receiver].series.as_mut()?;
        series.changed_after = self.edition;
        Some(&mut series.value)
    }

    /// The label set whose series has the increments of this one.
    fn receiver(&self, id: Id) -> Id {
        self.label_sets[id].passed_on_to().map_or(id, |into| self.receiver(into))
    }

    /// Sets a claim's part in a [`Kind::Gauge`], whose value is the sum over its claims.
    pub fn set(&mut self, claim: &Claim, value: i64) {
        let held = &mut self.claims[claim.0];
        let label_set = &mut self.label_sets[held.label_set];
        if self.books[label_set.book].metric.kind != Kind::Gauge {
            self.dropped += 1;
            return;
        }
        let by = value.wrapping_sub(held.part);
        held.part = value;
        label_set.activity.add(by.unsigned_abs());
        let label_set = held.label_set;
        self.shift_level(label_set, by);
    }

    /// The entity has other labels from now on. What it did before stays where it is.
    pub fn rename(&mut self, claim: &Claim, labels: &Labels, now: Now) {
        let Held { label_set, part } = self.claims[claim.0];
        if self.label_sets[label_set].labels == *labels {
            return;
        }
        let book = self.label_sets[label_set].book;
        self.shift_level(label_set, part.wrapping_neg());
        self.leave(label_set, now);
        let label_set = self.join(book, labels, now);
        self.shift_level(label_set, part);
        self.claims[claim.0].label_set = label_set;
    }

    /// The entity is gone.
    pub fn release(&mut self, claim: Claim, now: Now) {
        let Held { label_set, part } = self.claims.remove(claim.0);
        self.shift_level(label_set, part.wrapping_neg());
        self.leave(label_set, now);
    }

    /// All series as they are now, in the order of their labels.
    pub fn snapshot(&mut self, now: Now) -> Snapshot {
        self.edition = self.edition.next();
        let families =
            self.books.iter().map(|book| self.family(book)).filter(|family| !family.series.is_empty());
        Snapshot { taken: now.wall, edition: self.edition, families: families.collect() }
    }

    fn family(&self, book: &Book) -> Family {
        let series = book.index.iter().filter_map(|(labels, id)| {
            let Series { start, value, .. } = self.label_sets[*id].shown()?;
            Some(snapshot::Series { labels: labels.clone(), start: *start, value: value.clone() })
        });
        Family { metric: book.metric, series: series.collect() }
    }

    /// A consumer has carried this edition: a scrape was answered with it, or a push of it was accepted.
    pub fn delivered(&mut self, to: &Consumer, edition: Edition, now: Now) {
        self.deliveries.add(to, edition, now.monotonic);
    }

    /// A consumer will not come again: the dead need not wait for it.
    pub fn forget(&mut self, consumer: &Consumer) {
        self.deliveries.forget(consumer);
    }

    /// What time brings: to be called at every read. Series that have lingered go, free places are given to
    /// folded label sets, and once a minute active folded ones change places with idle named ones.
    pub fn tick(&mut self, now: Now) {
        self.deliveries.forget_silent(self.limits.linger, now.monotonic);
        self.end_lingering(now);
        self.fill_places(now);
        self.rank(now);
    }

    /// Other limits, from now on. When there are fewer places than before, the least active label sets lose
    /// theirs at once; when there are more, the next [`tick`](Self::tick) gives them away.
    pub fn set_limits(&mut self, limits: Limits, now: Now) {
        self.limits = limits;
        self.clear_places(now);
    }
}

#[cfg(test)]
mod tests;
