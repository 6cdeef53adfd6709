//! Label sets whose names are still to come.
//!
//! A container is born before anybody knows which pod it belongs to. Until that is known, its increments are
//! counted under a placeholder, which no snapshot shows. Then all of them go to the label set with the names,
//! also if the container is gone by now: they were never exported, so the law holds. A placeholder takes no
//! place of the budget. What is claimed under it after that goes to the names as well.

use std::sync::Arc;

use super::{
    Ledger, Now,
    label_set::{Id, Standing},
};
use crate::{
    catalogue::{Fold, Key},
    snapshot::{Labels, Value},
};

/// The key of placeholders. It is never exported.
static PLACEHOLDER: Key =
    Key { otlp: "", prometheus: "", help: "stands for names that are still to come", fold: Fold::Stays };

/// A label that stands for the labels which [`Ledger::disclose`] will be given for the same `name`.
pub fn placeholder(name: &str) -> (&'static Key, &str) {
    (&PLACEHOLDER, name)
}

/// The placeholder in a label set.
pub(super) fn placeholder_of(labels: &Labels) -> Option<&Arc<str>> {
    labels.iter().find(|label| label.key == &PLACEHOLDER).map(|label| &label.value)
}

impl Ledger {
    /// The names are known: everything that was counted under a placeholder goes to the label sets in which
    /// `labels` stand in its place. They are told once; other names later are for other claims.
    pub fn disclose(&mut self, name: &str, labels: &Labels, now: Now) {
        for id in self.withheld.remove(name).unwrap_or_default() {
            let named = self.label_sets[id].labels.replaced(&PLACEHOLDER, labels);
            self.hand_over(id, &named, now);
        }
    }

    fn hand_over(&mut self, id: Id, labels: &Labels, now: Now) {
        let Some(series) = self.label_sets[id].series.take() else { return };
        let (book, level) = (self.label_sets[id].book, self.label_sets[id].level);
        // A new series has begun when counting did.
        let into = self.join(book, labels, Now { wall: series.start, ..now });
        self.label_sets[id].standing = Standing::Disclosed { into };
        let receiver = self.receiver(into);
        match series.value {
            Value::Gauge(_) => self.shift_level(into, level),
            Value::Counter(by) => self.add_up(receiver, |value| match value {
                Value::Counter(total) => *total = total.wrapping_add(by),
                Value::Gauge(_) | Value::Histogram(_) => {}
            }),
            Value::Histogram(histogram) => self.add_up(receiver, |value| match value {
                Value::Histogram(total) => Arc::make_mut(total).merge(&histogram),
                Value::Gauge(_) | Value::Counter(_) => {}
            }),
        }
        if self.label_sets[id].users == 0 {
            self.remove(id, now);
        }
    }

    fn add_up(&mut self, receiver: Id, add: impl FnOnce(&mut Value)) {
        let edition = self.edition;
        match &mut self.label_sets[receiver].series {
            Some(series) => {
                series.changed_after = edition;
                add(&mut series.value);
            }
            None => self.dropped += 1,
        }
    }
}
