//! The last minutes, in memory and within a limit.
//!
//! The history is made of columns. A column is what happened between two snapshots that are a step or more apart; those
//! in between are added to it. Where nobody looks, snapshots are as rare as the periodic reads, and columns as wide. A
//! column never changes once it is there, so that a page which has it need not ask for it again.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    board::{Board, Segment, Segments, Whose},
    increment::Increment,
    names::Names,
    top::Top,
};
use crate::{catalogue::Metric, snapshot::Snapshot};

/// Columns that there are at most: more would be thinner than a pixel on most screens.
const COLUMNS: u32 = 300;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how long.
    pub span: Duration,
    /// In how many bytes; less long when it does not fit.
    pub bytes: usize,
    /// How soon one snapshot may follow another while somebody looks.
    pub refresh: Duration,
}

impl Limits {
    /// How wide columns are while somebody looks.
    pub fn step(&self) -> Duration {
        self.refresh.max(self.span / COLUMNS)
    }

    /// How wide a column must be at least: reads are never quite on time.
    fn least(&self) -> Duration {
        self.step() * 9 / 10
    }
}

/// What happened in some time.
#[derive(Debug)]
pub struct Column {
    /// Its number; each has one more than the one before.
    pub number: u64,
    /// When it begins.
    pub from: SystemTime,
    /// When it ends.
    pub to: SystemTime,
    /// What happened.
    pub happened: Increment,
    bytes: usize,
}

/// The last minutes; see the [module](self).
#[derive(Default)]
pub struct History {
    columns: VecDeque<Column>,
    /// The snapshot that was met last.
    latest: Option<Arc<Snapshot>>,
    /// What happened since the last column, and since when.
    open: Option<(SystemTime, Increment)>,
    names: Names,
    segments: Segments,
    /// Of the next column.
    number: u64,
    /// Of the columns and the names, as of the last column.
    bytes: usize,
}

impl History {
    /// Takes note of a snapshot. One that is not later than the last one is ignored.
    pub fn record(&mut self, snapshot: &Arc<Snapshot>, limits: Limits) {
        let latest = self.latest.replace(Arc::clone(snapshot));
        let Some(before) = latest else {
            self.open = Some((snapshot.taken, Increment::default()));
            return;
        };
        if snapshot.edition <= before.edition {
            self.latest = Some(before);
            return;
        }
        let came = Increment::between(&before, snapshot, &mut self.segments, &mut self.names);
        let (from, mut open) = self.open.take().unwrap_or((before.taken, Increment::default()));
        open.add(came, &self.segments);
        match snapshot.taken.duration_since(from) {
            Ok(width) if width < limits.least() => self.open = Some((from, open)),
            Ok(_) => self.close(from, snapshot.taken, open, limits),
            // The clock was set back: nothing that is there has its place on it any more.
            Err(_) => {
                self.columns.clear();
                // Who has the columns before it is told so by a gap in their numbers.
                self.number += 1;
                self.close(snapshot.taken, snapshot.taken, open, limits);
            }
        }
    }

    fn close(&mut self, from: SystemTime, to: SystemTime, happened: Increment, limits: Limits) {
        self.open = Some((to, Increment::default()));
        let bytes = happened.bytes() + size_of::<Column>();
        self.number += 1;
        self.columns.push_back(Column { number: self.number, from, to, happened, bytes });
        self.shrink(limits);
    }

    /// Lets go what is too old or does not fit.
    pub fn shrink(&mut self, limits: Limits) {
        let Some(end) = self.columns.back().map(|column| column.to) else { return };
        let is_old = |column: &Column| end.duration_since(column.to).is_ok_and(|age| age >= limits.span);
        while self.columns.front().is_some_and(is_old) {
            self.columns.pop_front();
        }
        self.measure();
        // What is still open gets as large as a column.
        let room = self.columns.back().map_or(0, |column| column.bytes);
        while self.bytes + room > limits.bytes && self.columns.pop_front().is_some() {
            self.measure();
        }
    }

    fn measure(&mut self) {
        let names = self.names.sweep();
        let columns: usize = self.columns.iter().map(|column| column.bytes).sum();
        let room = (self.columns.capacity() - self.columns.len()) * size_of::<Column>();
        self.bytes = columns + room + names + size_of_val(self.segments.all());
    }

    /// Bytes that it takes, without the last snapshot, which is there anyway.
    pub fn bytes(&self) -> usize {
        self.bytes + self.open.as_ref().map_or(0, |(_, happened)| happened.bytes())
    }

    /// How long ago it begins, from its end.
    pub fn span(&self) -> Duration {
        let ends = self.columns.front().zip(self.columns.back());
        ends.and_then(|(first, last)| last.to.duration_since(first.from).ok()).unwrap_or_default()
    }

    /// The columns, the oldest first.
    pub fn columns(&self) -> impl DoubleEndedIterator<Item = &Column> + ExactSizeIterator {
        self.columns.iter()
    }

    /// The number of the newest column; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.number
    }

    /// Whether whoever has the columns up to this one has all but the newer ones.
    pub fn goes_on_from(&self, column: u64) -> bool {
        let first = self.columns.front().map_or(self.number + 1, |first| first.number);
        (first..=self.number + 1).contains(&(column + 1))
    }

    /// How much of `window` there is.
    pub fn covered(&self, window: Duration) -> Duration {
        let ends = self.columns.back().zip(self.within(window).last());
        ends.and_then(|(last, first)| last.to.duration_since(first.from).ok()).unwrap_or_default()
    }

    /// The columns that end within `window` before the end.
    pub fn within(&self, window: Duration) -> impl Iterator<Item = &Column> + Clone {
        let end = self.columns.back().map(|column| column.to);
        let is_within = move |column: &&Column| {
            end.is_some_and(|end| end.duration_since(column.to).is_ok_and(|age| age < window))
        };
        self.columns.iter().rev().take_while(is_within)
    }

    /// Whose threads waited or ran most within `window`, with this many rows for either.
    pub fn board(&self, whose: Whose, window: Duration, rows: usize) -> Board {
        let place = Whose::ALL.iter().position(|one| *one == whose).expect("it is one of all");
        Board::sum(self.within(window).map(|column| &column.happened.boards[place]), &self.segments, rows)
    }

    /// What the boards' numbers of segments stand for.
    pub fn segments(&self) -> &[Segment] {
        self.segments.all()
    }

    /// Who did most of what a metric tells within `window`.
    pub fn top(&self, metric: &Metric, window: Duration, rows: usize) -> Top {
        let parts = self.within(window).flat_map(|column| &column.happened.parts);
        Top::sum(parts.filter(|part| part.metric == metric).map(|part| &part.top), rows)
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
