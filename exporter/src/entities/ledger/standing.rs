//! How a label set's standing changes. Every change keeps the series' values; a gauge, which is the sum over
//! its claims, moves.

use std::sync::Arc;

use super::{
    Ledger, Now,
    label_set::{Activity, Id, LabelSet, Series, Standing},
    withheld::placeholder_of,
};
use crate::{
    catalogue::Kind,
    snapshot::{Labels, Value},
};

impl Ledger {
    /// One more user for a label set, which is entered when it is new.
    pub(super) fn join(&mut self, book: usize, labels: &Labels, now: Now) -> Id {
        let Some(&id) = self.books[book].index.get(labels) else {
            return self.enter(book, labels, now);
        };
        self.label_sets[id].users += 1;
        match self.label_sets[id].standing {
            // Dead until now, with a place that other limits have taken away since.
            Standing::Named if self.label_sets[id].users == 1 && self.is_over_limits(book) => {
                self.fold(id, now)
            }
            Standing::Exempt | Standing::Named => self.stop_lingering(id),
            // Nobody has used it, so it may take a free place without waiting for its turn.
            Standing::Folded { .. } if self.label_sets[id].users == 1 && self.has_room(book) => {
                self.unfold(id, now);
            }
            Standing::Folded { .. } | Standing::Withheld | Standing::Disclosed { .. } => {}
        }
        id
    }

    fn enter(&mut self, book: usize, labels: &Labels, now: Now) -> Id {
        let folded = labels.folded();
        let placeholder = placeholder_of(labels);
        let standing = if placeholder.is_some() {
            Standing::Withheld
        } else if folded == *labels {
            Standing::Exempt
        } else if self.has_room(book) {
            self.take_place(book);
            Standing::Named
        } else {
            self.books[book].folded += 1;
            Standing::Folded { into: self.join(book, &folded, now) }
        };
        let series = match standing {
            Standing::Exempt | Standing::Named | Standing::Withheld => Some(self.new_series(book, now)),
            Standing::Folded { .. } | Standing::Disclosed { .. } => None,
        };
        let id = self.label_sets.insert(LabelSet {
            book,
            labels: labels.clone(),
            standing,
            users: 1,
            series,
            lingers_since: None,
            activity: Activity::default(),
            level: 0,
        });
        self.books[book].index.insert(labels.clone(), id);
        if let Some(name) = placeholder {
            self.withheld.entry(Arc::clone(name)).or_default().push(id);
        }
        id
    }

    /// One user fewer for a label set. Without any, it lingers as long as it has something to show, or waits
    /// for its names.
    pub(super) fn leave(&mut self, id: Id, now: Now) {
        let is_gauge = self.is_gauge(id);
        let label_set = &mut self.label_sets[id];
        label_set.users -= 1;
        if label_set.users > 0 || label_set.standing == Standing::Withheld {
            return;
        }
        if label_set.series.is_none() || is_gauge {
            self.remove(id, now);
        } else {
            self.linger(id, now);
        }
    }

    /// From now on the increments go to the fold.
    pub(super) fn fold(&mut self, id: Id, now: Now) {
        let LabelSet { book, ref labels, level, .. } = self.label_sets[id];
        let folded = labels.folded();
        let into = self.join(book, &folded, now);
        self.give_place_back(book);
        self.books[book].folded += 1;
        self.label_sets[id].standing = Standing::Folded { into };
        if self.is_gauge(id) {
            self.label_sets[id].series = None;
            self.add_to_gauge(into, level);
        } else {
            self.linger(id, now);
        }
    }

    /// From now on the increments go to a series of its own: the one that lingers, or a new one.
    pub(super) fn unfold(&mut self, id: Id, now: Now) {
        let LabelSet { book, standing, level, .. } = self.label_sets[id];
        let Standing::Folded { into } = standing else { return };
        self.take_place(book);
        self.books[book].folded -= 1;
        self.label_sets[id].standing = Standing::Named;
        self.stop_lingering(id);
        if self.label_sets[id].series.is_none() {
            self.label_sets[id].series = Some(self.new_series(book, now));
        }
        if self.is_gauge(id) {
            self.add_to_gauge(into, level.wrapping_neg());
            self.add_to_gauge(id, level);
        }
        self.leave(into, now);
    }

    /// Ends a series that lingers. The label set goes with it, unless it is folded and still claimed.
    pub(super) fn end_series(&mut self, id: Id, now: Now) {
        self.stop_lingering(id);
        if self.label_sets[id].users == 0 {
            self.remove(id, now);
        } else {
            self.label_sets[id].series = None;
        }
    }

    pub(super) fn remove(&mut self, id: Id, now: Now) {
        let LabelSet { book, labels, standing, .. } = self.label_sets.remove(id);
        self.books[book].index.remove(&labels);
        match standing {
            Standing::Exempt | Standing::Withheld => {}
            Standing::Disclosed { into } => self.leave(into, now),
            Standing::Named => self.give_place_back(book),
            Standing::Folded { into } => {
                self.books[book].folded -= 1;
                self.leave(into, now);
            }
        }
    }

    /// A series that already lingers goes on to do so: its last increment is as old as it was.
    fn linger(&mut self, id: Id, now: Now) {
        let since = *self.label_sets[id].lingers_since.get_or_insert(now.monotonic);
        self.lingering.insert((since, id));
    }

    fn stop_lingering(&mut self, id: Id) {
        if let Some(since) = self.label_sets[id].lingers_since.take() {
            self.lingering.remove(&(since, id));
        }
    }

    /// Changes the sum over the claims of a gauge's label set, and the series that shows it.
    pub(super) fn shift_level(&mut self, id: Id, by: i64) {
        if by == 0 {
            return;
        }
        let label_set = &mut self.label_sets[id];
        label_set.level = label_set.level.wrapping_add(by);
        match label_set.standing {
            Standing::Disclosed { into } => self.shift_level(into, by),
            Standing::Folded { into } => self.add_to_gauge(into, by),
            Standing::Exempt | Standing::Named | Standing::Withheld => self.add_to_gauge(id, by),
        }
    }

    fn add_to_gauge(&mut self, id: Id, by: i64) {
        match &mut self.label_sets[id].series {
            // Parts come and go in any order: a sum that wraps on the way is right again in the end.
            Some(Series { value: Value::Gauge(sum), .. }) => *sum = sum.wrapping_add(by),
            _ => self.dropped += 1,
        }
    }

    fn is_gauge(&self, id: Id) -> bool {
        self.books[self.label_sets[id].book].metric.kind == Kind::Gauge
    }

    fn new_series(&self, book: usize, now: Now) -> Series {
        Series::new(self.books[book].metric.kind, now.wall, self.edition)
    }
}
