//! Who waits for what: threads' time, by container and by process, in segments that say what it went to.
//!
//! The best source is a counter of threads' time that is split by what they did, as that of the collector `stalls` is. Where
//! there is none, it is put together from what there is: the scheduler's histograms
//! for containers, and every counter of time for processes.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::names::{Name, Names, PER_BLOCK, Who};
use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    snapshot::Labels,
};

/// Rows of one board in one column: as many for waiting and for running.
const ROWS: usize = 12;

/// Segments that are told apart; more values of an attribute become one without a value.
const MOST_SEGMENTS: usize = 64;

/// Whose time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of containers, units and other cgroups.
    Containers,
    /// Of processes, by their commands or what else they are told apart by.
    Processes,
}

impl Whose {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Containers, Self::Processes];

    /// Whether a metric tells of the time of these.
    fn has(self, metric: &Metric) -> bool {
        let is_of = |key| metric.identity.contains(&key);
        let is_of_these = match self {
            Self::Containers => is_of(&keys::CGROUP) && !is_of(&keys::COMMAND),
            Self::Processes => is_of(&keys::COMMAND),
        };
        is_of_these && metric.unit == Unit::Seconds
    }

    /// The metrics that are put together, of those there are.
    pub(super) fn sources(self, there: &[&'static Metric]) -> Vec<&'static Metric> {
        let of_these = || there.iter().copied().filter(move |metric| self.has(metric));
        let split =
            || of_these().filter(|metric| metric.kind == Kind::Counter && !metric.attributes.is_empty());
        if let Some(best) = split().find(|metric| says_what(metric)) {
            return vec![best];
        }
        let is_part = |metric: &&'static Metric| match self {
            Self::Containers => metric.name.starts_with("kernel.scheduler."),
            Self::Processes => metric.kind == Kind::Counter,
        };
        of_these().filter(is_part).collect()
    }
}

/// Whether a metric is split by what threads did, so that it has all of their time and not only that of one thing.
fn says_what(metric: &Metric) -> bool {
    metric.attributes.iter().any(|key| ["state", "kind", "activity"].contains(&key.prometheus))
}

/// What a thread's time goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goes {
    /// It could go on if it had something that others have now: a CPU, a disk, a lock.
    Waiting,
    /// It runs.
    Running,
    /// It has nothing to do, or was told to stop.
    Resting,
}

impl Goes {
    /// By a metric's name or an attribute's value. What says neither that it runs nor that it rests waits.
    fn of_word(word: &str) -> Self {
        let parts = || word.split(['.', '_', ' ', '-']);
        let has = |words: &[&str]| parts().any(|part| words.contains(&part));
        if has(&["running", "run", "cpu", "user", "system"]) && !has(&["off", "wait", "waiting", "queue"]) {
            Self::Running
        } else if has(&[
            // In these a thread may wait for others, or have nothing to do, which no kernel can tell apart.
            "futex",
            "poll",
            "timer",
            "child",
            "socket",
            "file",
            "interruptible",
            "idle",
            "idling",
            "sleep",
            "sleeping",
            "asleep",
            "other",
            "stopped",
            "parked",
        ]) {
            Self::Resting
        } else {
            Self::Waiting
        }
    }
}

/// Place of a segment among all.
pub type Id = u16;

/// One kind of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// The metric that tells it.
    pub metric: &'static Metric,
    /// What was done, by the metric's attributes.
    pub what: Labels,
    /// What that means.
    pub goes: Goes,
}

/// All segments that have been met.
#[derive(Default)]
pub(super) struct Segments(Vec<Segment>);

impl Segments {
    /// The segment of a series.
    pub(super) fn of(&mut self, metric: &'static Metric, labels: &Labels) -> Id {
        let is =
            |segment: &Segment, what: &dyn Fn(&Segment) -> bool| segment.metric == metric && what(segment);
        let same =
            |segment: &Segment| metric.attributes.iter().all(|key| segment.what.get(key) == labels.get(key));
        if let Some(id) = self.0.iter().position(|segment| is(segment, &same)) {
            return id as Id;
        }
        let attributes = metric.attributes.iter().filter_map(|key| Some((*key, labels.get(key)?)));
        let mut what = Labels::new(attributes);
        if self.0.len() >= MOST_SEGMENTS {
            what = Labels::default();
            if let Some(id) = self.0.iter().position(|segment| is(segment, &|segment| segment.what == what)) {
                return id as Id;
            }
        }
        let goes = what.iter().map(|label| Goes::of_word(&label.value)).max();
        let goes = goes.unwrap_or_else(|| Goes::of_word(metric.name));
        let id = Id::try_from(self.0.len()).expect("there are fewer metrics than that");
        self.0.push(Segment { metric, what, goes });
        id
    }

    pub(super) fn all(&self) -> &[Segment] {
        &self.0
    }

    /// How much of these went to waiting or to running.
    fn sum(&self, amounts: &[(Id, u64)], goes: Goes) -> u64 {
        let of_this = amounts.iter().filter(|(id, _)| self.0[usize::from(*id)].goes == goes);
        of_this.map(|(_, amount)| amount).sum()
    }
}

/// Amounts by segment.
pub(super) type Amounts = Vec<(Id, u64)>;

/// Adds to a segment.
pub(super) fn add(amounts: &mut Amounts, id: Id, amount: u64) {
    match amounts.iter_mut().find(|(other, _)| *other == id) {
        Some((_, sum)) => *sum += amount,
        None => amounts.push((id, amount)),
    }
}

/// Those whose threads waited or ran most, and all others together.
#[derive(Clone, Debug, Default)]
pub struct Board {
    rows: Box<[Row]>,
    rest: Box<[(Id, u64)]>,
}

type Row = (Name, Box<[(Id, u64)]>);

impl Board {
    pub(super) fn new(amounts: HashMap<Who<'_>, Amounts>, segments: &Segments, names: &mut Names) -> Self {
        let (rows, rest) = most(amounts.into_iter().collect(), segments, ROWS);
        let rows = rows.into_iter().map(|(who, amounts)| (names.of(who), amounts.into())).collect();
        Self { rows, rest: rest.into() }
    }

    /// The sum of several, with this many rows for waiting, and as many for running.
    pub(super) fn sum<'a>(
        boards: impl IntoIterator<Item = &'a Self>,
        segments: &Segments,
        rows: usize,
    ) -> Self {
        let (mut sums, mut rest): (FxHashMap<&Name, Amounts>, Amounts) = Default::default();
        for board in boards {
            board.rest.iter().for_each(|(id, amount)| add(&mut rest, *id, *amount));
            for (name, amounts) in &board.rows {
                let sum = sums.entry(name).or_default();
                amounts.iter().for_each(|(id, amount)| add(sum, *id, *amount));
            }
        }
        let (rows, others) = most(sums.into_iter().collect(), segments, rows);
        others.into_iter().for_each(|(id, amount)| add(&mut rest, id, amount));
        let rows = rows.into_iter().map(|(name, amounts)| (name.clone(), amounts.into())).collect();
        Self { rows, rest: rest.into() }
    }

    /// Adds what came later in the same column.
    pub(super) fn add(&mut self, later: &Self, segments: &Segments) {
        *self = Self::sum([&*self, later], segments, ROWS);
    }

    /// Nanoseconds by segment.
    pub fn rows(&self) -> impl Iterator<Item = (&Name, &[(Id, u64)])> {
        self.rows.iter().map(|(name, amounts)| (name, &**amounts))
    }

    /// Of all that are in no row.
    pub fn rest(&self) -> &[(Id, u64)] {
        &self.rest
    }

    pub(super) fn bytes(&self) -> usize {
        let amounts = self.rows.iter().map(|(_, amounts)| amounts).chain([&self.rest]);
        size_of_val(&*self.rows)
            + PER_BLOCK
            + amounts.map(|all| size_of_val(&**all) + PER_BLOCK).sum::<usize>()
    }
}

/// Those with most waiting and those with most running, and the sum of the others.
fn most<T>(
    mut amounts: Vec<(T, Amounts)>,
    segments: &Segments,
    count: usize,
) -> (Vec<(T, Amounts)>, Amounts) {
    let mut chosen = Vec::new();
    for goes in [Goes::Waiting, Goes::Running] {
        amounts.sort_by_cached_key(|(_, amounts)| std::cmp::Reverse(segments.sum(amounts, goes)));
        let some = amounts.iter().take_while(|(_, amounts)| segments.sum(amounts, goes) > 0);
        let some = some.take(count).count();
        chosen.extend(amounts.drain(..some));
    }
    let mut rest = Amounts::new();
    for (id, amount) in amounts.into_iter().flat_map(|(_, amounts)| amounts) {
        add(&mut rest, id, amount);
    }
    (chosen, rest)
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
