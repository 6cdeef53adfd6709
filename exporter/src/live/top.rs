//! Who did most of something, and what all others did together.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::names::{Name, Names, PER_BLOCK, Who};

/// Rows of one metric in one column.
const ROWS: usize = 8;

/// The largest amounts by who they are of. With the rest, nothing is missing from their sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Top {
    rows: Box<[(Name, u64)]>,
    rest: u64,
}

impl Top {
    pub(super) fn new(amounts: HashMap<Who<'_>, u64>, names: &mut Names) -> Self {
        let (top, rest) = largest(amounts.into_iter().collect(), ROWS);
        Self { rows: top.into_iter().map(|(who, amount)| (names.of(who), amount)).collect(), rest }
    }

    /// The largest first.
    pub fn rows(&self) -> &[(Name, u64)] {
        &self.rows
    }

    /// Of all that are in no row.
    pub fn rest(&self) -> u64 {
        self.rest
    }

    /// The sum of several, with this many rows. Who is in some of them only did at least what the sum says.
    pub fn sum<'a>(tops: impl IntoIterator<Item = &'a Self>, rows: usize) -> Self {
        let (mut sums, mut rest): (FxHashMap<&Name, u64>, u64) = Default::default();
        for top in tops {
            rest += top.rest;
            top.rows.iter().for_each(|(name, amount)| *sums.entry(name).or_default() += amount);
        }
        let (top, others) = largest(sums.into_iter().collect(), rows);
        let rows = top.into_iter().map(|(name, amount)| (name.clone(), amount)).collect();
        Self { rows, rest: rest + others }
    }

    /// Adds what came later in the same column.
    pub(super) fn add(&mut self, later: &Self) {
        *self = Self::sum([&*self, later], ROWS);
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.rows) + PER_BLOCK
    }
}

/// The largest, in descending order, and the sum of the others.
fn largest<T>(mut amounts: Vec<(T, u64)>, count: usize) -> (Vec<(T, u64)>, u64) {
    if amounts.len() > count {
        amounts.select_nth_unstable_by_key(count, |(_, amount)| std::cmp::Reverse(*amount));
    }
    let rest = amounts.iter().skip(count).map(|(_, amount)| amount).sum();
    amounts.truncate(count);
    amounts.sort_unstable_by_key(|(_, amount)| std::cmp::Reverse(*amount));
    (amounts, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue::keys, snapshot::Labels};

    #[test]
    fn nothing_is_missing_from_the_sum() {
        let mut names = Names::default();
        let labels: Vec<Labels> =
            (0..20).map(|n| Labels::new([(&keys::COMMAND, format!("c{n}").as_str())])).collect();
        let mut of = |amounts: &dyn Fn(u64) -> u64| {
            let who = labels.iter().map(|labels| Who { labels, attributes: &[] });
            Top::new(who.zip(0..).map(|(who, n)| (who, amounts(n))).collect(), &mut names)
        };
        let mut top = of(&|n| n);
        let all = |top: &Top| top.rest() + top.rows().iter().map(|(_, amount)| amount).sum::<u64>();
        assert_eq!((all(&top), top.rows().len(), top.rows()[0].1), (190, ROWS, 19));
        top.add(&of(&|n| 100 - n));
        assert_eq!((all(&top), top.rows().len(), top.rows()[0].1), (190 + 1810, ROWS, 100));
        assert!(top.rows().is_sorted_by(|a, b| a.1 >= b.1));
        assert_eq!(all(&Top::sum([&top, &top], 3)), 4000);
    }
}
