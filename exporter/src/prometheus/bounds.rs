//! The bounds of classic histograms, with their text.

use std::ops::RangeInclusive;

use super::number::push_float;
use crate::{
    catalogue::Kind,
    snapshot::{HistogramValue, classic_bounds},
};

/// Where a classic bucket ends.
#[derive(Debug)]
pub(super) struct Bound {
    /// Its inclusive upper bound, in the exported unit.
    pub(super) upper: f64,
    /// The same as the value of the label `le`.
    pub(super) le: String,
    /// The last bucket in memory that lies below it.
    last: u16,
}

/// The bounds at these powers of two.
pub(super) fn bounds(kind: Kind, exponents: RangeInclusive<i32>) -> Vec<Bound> {
    classic_bounds(kind, exponents)
        .map(|(upper, last)| {
            let mut le = String::new();
            push_float(&mut le, upper);
            Bound { upper, le, last }
        })
        .collect()
}

/// Each bound with the samples at or below it.
pub(super) fn cumulative<'a>(
    histogram: &'a HistogramValue,
    bounds: &'a [Bound],
) -> impl Iterator<Item = (&'a Bound, u64)> {
    let mut buckets = histogram.buckets.iter().peekable();
    let mut below = 0;
    bounds.iter().map(move |bound| {
        while let Some((_, samples)) = buckets.next_if(|(number, _)| *number <= bound.last) {
            below += samples;
        }
        (bound, below)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_cumulative_and_bounds_inclusive() {
        let bounds = bounds(Kind::Durations, -20..=-18);
        // Bucket 32 ends at 2^-20 s, bucket 40 at 2^-19 s, bucket 48 at 2^-18 s.
        let histogram = HistogramValue { buckets: vec![(0, 1), (32, 2), (33, 4), (48, 8), (49, 16)], sum: 0 };
        let counts: Vec<u64> = cumulative(&histogram, &bounds).map(|(_, count)| count).collect();
        assert_eq!(counts, [3, 7, 15]);
        assert_eq!(bounds[0].le, "9.5367431640625e-07");
    }
}
