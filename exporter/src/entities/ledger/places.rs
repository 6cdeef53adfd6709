//! Who has a place: budgets, and who gets what others give up.
//!
//! Activity is compared only within one metric: a sample of one has nothing to do with a nanosecond of
//! another. Between metrics places are shared evenly: the one with the most loses first, the one with the
//! fewest gets first.

use std::{collections::VecDeque, time::Duration};

use super::{
    Edition, Ledger, Now,
    label_set::{Id, LabelSet, Standing},
};

/// How often label sets are ranked, at most.
const RANKING_INTERVAL: Duration = Duration::from_secs(60);

/// In this time increments lose half their weight in the ranking.
const HALF_LIFE: Duration = Duration::from_secs(120);

/// A folded label set must be more than so many times as active as the named one whose place it gets, or two
/// of them that are about equal would change places for ever.
const HYSTERESIS: f64 = 2.0;

/// One in so many of a metric's places, but at least one, changes hands per ranking.
const PLACES_PER_CHANGE: usize = 20;

impl Ledger {
    pub(super) fn has_room(&self, book: usize) -> bool {
        self.books[book].places_taken < self.limits.label_sets_per_metric
            && self.places_taken < self.limits.label_sets
    }

    /// Only the dead can be too many; see [`clear_places`](Self::clear_places).
    pub(super) fn is_over_limits(&self, book: usize) -> bool {
        self.books[book].places_taken > self.limits.label_sets_per_metric
            || self.places_taken > self.limits.label_sets
    }

    pub(super) fn take_place(&mut self, book: usize) {
        self.books[book].places_taken += 1;
        self.places_taken += 1;
    }

    pub(super) fn give_place_back(&mut self, book: usize) {
        self.books[book].places_taken -= 1;
        self.places_taken -= 1;
    }

    /// Ends the series that have lingered.
    pub(super) fn end_lingering(&mut self, now: Now) {
        let ended: Vec<Id> = self
            .lingering
            .iter()
            .filter(|(since, id)| {
                now.monotonic.saturating_duration_since(*since) >= self.limits.linger
                    || self.deliveries.twice_since(self.last_change(*id))
            })
            .map(|(_, id)| *id)
            .collect();
        for id in ended {
            self.end_series(id, now);
        }
    }

    /// Gives free places to folded label sets, the most active first, and frees more by ending the series of
    /// the dead, the longest dead first, once everybody has carried their last value.
    pub(super) fn fill_places(&mut self, now: Now) {
        let mut dead = self.carried_dead();
        let mut waiting: Vec<(usize, Vec<Id>)> = (0..self.books.len())
            .filter(|book| self.books[*book].folded > 0 && (self.has_room(*book) || !dead.is_empty()))
            .map(|book| (book, self.by_activity(book, LabelSet::is_waiting)))
            .collect();
        loop {
            waiting.retain(|(_, ids)| !ids.is_empty());
            let Some((book, ids)) = waiting.iter_mut().min_by_key(|(book, _)| self.books[*book].places_taken)
            else {
                return;
            };
            if !self.make_room(*book, &mut dead, now) {
                ids.clear();
            } else if let Some(most_active) = ids.pop() {
                self.unfold(most_active, now);
            }
        }
    }

    /// Dead label sets that have a place and whose last value everybody has carried, the longest dead first.
    fn carried_dead(&self) -> VecDeque<Id> {
        let ids = self.lingering.iter().map(|(_, id)| *id);
        ids.filter(|id| {
            self.label_sets[*id].standing == Standing::Named
                && self.deliveries.once_since(self.last_change(*id))
        })
        .collect()
    }

    fn make_room(&mut self, book: usize, dead: &mut VecDeque<Id>, now: Now) -> bool {
        while !self.has_room(book) {
            let only_its_own = self.books[book].places_taken >= self.limits.label_sets_per_metric;
            let found = dead.iter().position(|id| !only_its_own || self.label_sets[*id].book == book);
            let Some(id) = found.and_then(|at| dead.remove(at)) else { return false };
            self.end_series(id, now);
        }
        true
    }

    /// Folds the least active label sets until the living ones are within the limits. The dead need not be
    /// folded: they go by themselves, and nobody gets a place before there is one.
    pub(super) fn clear_places(&mut self, now: Now) {
        let mut named: Vec<Vec<Id>> = (0..self.books.len())
            .map(|book| {
                let mut ids = self.by_activity(book, LabelSet::is_named);
                ids.reverse();
                ids
            })
            .collect();
        let mut total: usize = named.iter().map(Vec::len).sum();
        while let Some(largest) = named.iter_mut().max_by_key(|ids| ids.len())
            && (largest.len() > self.limits.label_sets_per_metric || total > self.limits.label_sets)
            && let Some(least_active) = largest.pop()
        {
            self.fold(least_active, now);
            total -= 1;
        }
    }

    /// Once a minute: lets activity age, then lets the most active folded label sets change places with the
    /// least active named ones, few at a time.
    pub(super) fn rank(&mut self, now: Now) {
        let last = *self.ranked.get_or_insert(now.monotonic);
        let elapsed = now.monotonic.saturating_duration_since(last);
        if elapsed < RANKING_INTERVAL {
            return;
        }
        self.ranked = Some(now.monotonic);
        let part = f64::exp2(-elapsed.div_duration_f64(HALF_LIFE));
        for (_, label_set) in &mut self.label_sets {
            label_set.activity.age(part);
        }
        for book in 0..self.books.len() {
            if self.books[book].folded > 0 {
                self.change_places(book, now);
            }
        }
    }

    fn change_places(&mut self, book: usize, now: Now) {
        let named = self.by_activity(book, LabelSet::is_named);
        let waiting = self.by_activity(book, LabelSet::is_waiting);
        let changes = (self.books[book].places_taken / PLACES_PER_CHANGE).max(1);
        for (idle, active) in named.into_iter().zip(waiting.into_iter().rev()).take(changes) {
            if self.activity(active) <= HYSTERESIS * self.activity(idle) {
                break;
            }
            self.fold(idle, now);
            self.unfold(active, now);
        }
    }

    /// A metric's label sets of one sort, the least active first, and among equals in the order of their
    /// labels.
    fn by_activity(&self, book: usize, sort: fn(&LabelSet) -> bool) -> Vec<Id> {
        let ids = self.books[book].index.values().copied();
        let mut ids: Vec<Id> = ids.filter(|id| sort(&self.label_sets[*id])).collect();
        ids.sort_by(|a, b| self.activity(*a).total_cmp(&self.activity(*b)));
        ids
    }

    fn activity(&self, id: Id) -> f64 {
        self.label_sets[id].activity.value()
    }

    fn last_change(&self, id: Id) -> Edition {
        // Without a series there is nothing that anybody would have to carry.
        self.label_sets[id].series.as_ref().map_or(Edition::default(), |series| series.changed_after)
    }
}
