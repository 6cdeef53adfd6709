//! What happened between two snapshots, reduced to what the page shows of it.

use std::{collections::HashMap, iter::Peekable, slice, sync::Arc};

use super::{
    board::{self, Board, Segments, Whose},
    heat::{Heat, Rows},
    names::{Names, PER_BLOCK, Who},
    top::Top,
};
use crate::{
    catalogue::{Kind, Metric},
    snapshot::{Family, Series, Snapshot, Value},
};

/// What happened to all metrics.
#[derive(Debug, Default)]
pub struct Increment {
    /// One per metric that there was.
    pub parts: Box<[Part]>,
    /// Whose threads waited for what, in the order of [`Whose::ALL`].
    pub boards: [Board; Whose::ALL.len()],
}

/// What happened to one metric.
#[derive(Debug)]
pub struct Part {
    /// Which.
    pub metric: &'static Metric,
    /// How much, over all label sets.
    pub amount: Amount,
    /// Whose it was; of histograms the sums, not the samples.
    pub top: Top,
}

/// How much happened, in the unit in which it is measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// Of a counter.
    Count(u64),
    /// What a gauge is in the end.
    Level(i64),
    /// Of a histogram.
    Samples(Heat),
}

impl Increment {
    /// What came to `after` since `before`.
    ///
    /// A series that is not in `before`, or has begun since, began at zero. What is no more in `after` gave its last
    /// increments to snapshots before it.
    pub(super) fn between(
        before: &Snapshot,
        after: &Snapshot,
        segments: &mut Segments,
        names: &mut Names,
    ) -> Self {
        let there: Vec<_> = after.families.iter().map(|family| family.metric).collect();
        let sources = Whose::ALL.map(|whose| whose.sources(&there));
        let mut waits = Whose::ALL.map(|_| HashMap::<Who<'_>, board::Amounts>::new());
        let mut parts = Vec::with_capacity(after.families.len());
        for family in &after.families {
            let metric = family.metric;
            let earlier = before.families.iter().find(|earlier| earlier.metric == metric);
            let changes = Changes::new(earlier, family);
            let mut amounts: HashMap<Who<'_>, u64> = HashMap::new();
            let amount = changes.sum(metric.kind, |series, amount| {
                if metric.identity.is_empty() {
                    return;
                }
                let who = Who { labels: &series.labels, attributes: metric.attributes };
                *amounts.entry(who).or_default() += amount;
                for (waits, sources) in waits.iter_mut().zip(&sources) {
                    if sources.contains(&metric) {
                        let id = segments.of(metric, &series.labels);
                        board::add(waits.entry(who).or_default(), id, amount);
                    }
                }
            });
            parts.push(Part { metric, amount, top: Top::new(amounts, names) });
        }
        Self { parts: parts.into(), boards: waits.map(|waits| Board::new(waits, segments, names)) }
    }

    /// Adds what came later.
    pub(super) fn add(&mut self, later: Self, segments: &Segments) {
        let mut parts = std::mem::take(&mut self.parts).into_vec();
        for part in later.parts {
            match parts.iter_mut().find(|earlier| earlier.metric == part.metric) {
                Some(earlier) => earlier.add(part),
                None => parts.push(part),
            }
        }
        self.parts = parts.into();
        for (board, later) in self.boards.iter_mut().zip(&later.boards) {
            board.add(later, segments);
        }
    }

    /// Bytes that it takes, without names.
    pub(super) fn bytes(&self) -> usize {
        let boards: usize = self.boards.iter().map(Board::bytes).sum();
        size_of::<Self>() + PER_BLOCK + self.parts.iter().map(Part::bytes).sum::<usize>() + boards
    }
}

impl Part {
    fn add(&mut self, later: Self) {
        self.top.add(&later.top);
        match (&mut self.amount, later.amount) {
            (Amount::Count(sum), Amount::Count(more)) => *sum = sum.wrapping_add(more),
            (Amount::Samples(sum), Amount::Samples(more)) => sum.add(&more),
            (level, last) => *level = last,
        }
    }

    fn bytes(&self) -> usize {
        let heat = match &self.amount {
            Amount::Samples(heat) => heat.bytes() + PER_BLOCK,
            Amount::Count(_) | Amount::Level(_) => 0,
        };
        size_of::<Self>() + heat + self.top.bytes()
    }
}

/// The series of a family, each with what it was before.
struct Changes<'a> {
    before: Peekable<slice::Iter<'a, Series>>,
    after: slice::Iter<'a, Series>,
}

impl<'a> Changes<'a> {
    fn new(before: Option<&'a Family>, after: &'a Family) -> Self {
        let before = before.map_or(&[][..], |family| &family.series);
        Self { before: before.iter().peekable(), after: after.series.iter() }
    }

    /// The sum over all series; tells `note` what came to each of those to which something came.
    fn sum(self, kind: Kind, mut note: impl FnMut(&'a Series, u64)) -> Amount {
        let (mut count, mut level, mut rows) = (0_u64, 0_i64, Rows::default());
        for (series, before) in self {
            let came = match (&series.value, before) {
                (Value::Counter(now), Some(Value::Counter(before))) => now.saturating_sub(*before),
                (Value::Counter(now), _) => *now,
                (Value::Histogram(now), Some(Value::Histogram(before))) if Arc::ptr_eq(now, before) => 0,
                (Value::Histogram(now), before) => {
                    let before = before.and_then(|value| match value {
                        Value::Histogram(before) => Some(&**before),
                        Value::Counter(_) | Value::Gauge(_) => None,
                    });
                    rows.add_difference(before, now);
                    let sum = now.sum.saturating_sub(before.map_or(0, |before| before.sum));
                    u64::try_from(sum).unwrap_or(u64::MAX)
                }
                (Value::Gauge(now), _) => {
                    level = level.wrapping_add(*now);
                    0
                }
            };
            if came > 0 {
                count = count.wrapping_add(came);
                note(series, came);
            }
        }
        match kind {
            Kind::Counter => Amount::Count(count),
            Kind::Gauge => Amount::Level(level),
            Kind::Durations | Kind::Sizes => Amount::Samples(rows.into()),
        }
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = (&'a Series, Option<&'a Value>);

    fn next(&mut self) -> Option<Self::Item> {
        let series = self.after.next()?;
        // Equal label sets are mostly the same one, which is told without a look at their texts.
        while let Some(before) = self.before.peek() {
            if before.labels == series.labels {
                let goes_on = before.start == series.start;
                let before = self.before.next();
                return Some((series, before.filter(|_| goes_on).map(|before| &before.value)));
            }
            if before.labels > series.labels {
                break;
            }
            self.before.next();
        }
        Some((series, None))
    }
}
