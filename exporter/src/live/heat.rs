//! Histograms as columns of a heatmap: two rows per power of two.

use exporter_common::histogram::{Nanoseconds, SCALE, Unit as _};

use crate::snapshot::HistogramValue;

/// Rows per power of two, as a power of two.
const ROW_SCALE: u32 = 1;

/// Buckets in memory that make one row.
const PER_ROW: u16 = 1 << (SCALE - ROW_SCALE);

/// Rows per power of two.
pub const ROWS_PER_OCTAVE: u32 = 1 << ROW_SCALE;

/// Rows of the longest column; durations have the most buckets.
const ROWS: usize = Nanoseconds::BUCKETS.div_ceil(PER_ROW as usize) + 1;

/// The row of a bucket in memory. Row 0 is the zero bucket, row `r` ends at `2^(zero exponent + r/2)`: upper bounds are
/// inclusive, so the last of the merged buckets gives its bound to all of them.
const fn row(bucket: u16) -> usize {
    bucket.div_ceil(PER_ROW) as usize
}

/// Samples per row: from the first row that has any to the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heat {
    first: u8,
    counts: Box<[u64]>,
}

impl Heat {
    /// Samples in all rows.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The first row, and the samples of that one and those after it.
    pub fn rows(&self) -> (u8, &[u64]) {
        (self.first, &self.counts)
    }

    /// Adds another one's samples.
    pub(super) fn add(&mut self, other: &Self) {
        if self.counts.is_empty() {
            *self = other.clone();
        } else if !other.counts.is_empty() {
            let mut sum = Rows::default();
            sum.add(self);
            sum.add(other);
            *self = sum.into();
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.counts)
    }
}

/// A heatmap's column while it is filled.
pub(super) struct Rows([u64; ROWS]);

impl Default for Rows {
    fn default() -> Self {
        Self([0; ROWS])
    }
}

impl Rows {
    /// Adds what came to a histogram between two values; `None` is one that has begun since.
    pub(super) fn add_difference(&mut self, before: Option<&HistogramValue>, after: &HistogramValue) {
        let mut before = before.map_or(&[][..], |value| &value.buckets).iter().peekable();
        for &(bucket, samples) in &after.buckets {
            while before.next_if(|(earlier, _)| *earlier < bucket).is_some() {}
            let earlier =
                before.next_if(|(earlier, _)| *earlier == bucket).map_or(0, |(_, samples)| *samples);
            self.0[row(bucket)] += samples.saturating_sub(earlier);
        }
    }

    pub(super) fn add(&mut self, heat: &Heat) {
        let rows = self.0[usize::from(heat.first)..].iter_mut();
        rows.zip(&heat.counts).for_each(|(row, samples)| *row += samples);
    }
}

impl From<Rows> for Heat {
    fn from(Rows(rows): Rows) -> Self {
        let Some(first) = rows.iter().position(|samples| *samples > 0) else { return Self::default() };
        let last = rows.iter().rposition(|samples| *samples > 0).unwrap_or(first);
        Self { first: first as u8, counts: rows[first..=last].into() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        catalogue::Kind,
        snapshot::{HistogramDelta, zero_index},
    };

    fn buckets() -> impl Strategy<Value = Vec<(u16, u64)>> {
        proptest::collection::btree_map(0..Nanoseconds::BUCKETS as u16, 1..u64::from(u32::MAX), 0..60)
            .prop_map(|buckets| buckets.into_iter().collect())
    }

    fn heat(before: Option<&HistogramValue>, after: &HistogramValue) -> Heat {
        let mut rows = Rows::default();
        rows.add_difference(before, after);
        rows.into()
    }

    proptest! {
        /// The rows are the buckets of the difference at the scale of the heatmap, as every exposition has them.
        #[test]
        fn rows_are_the_difference_at_their_scale(before in buckets(), more in buckets()) {
            let before = HistogramValue { buckets: before, sum: 0 };
            let mut after = before.clone();
            after.add(&HistogramDelta { buckets: more.clone(), sum: 0 });
            let heat = heat(Some(&before), &after);
            let expected = HistogramValue { buckets: more, sum: 0 }.exponential(Kind::Durations, ROW_SCALE as u8);
            let zero = zero_index(Kind::Durations) / i32::from(PER_ROW);
            let (first, counts) = heat.rows();
            let rows = counts.iter().enumerate().filter(|(_, samples)| **samples > 0);
            let mut shown: Vec<_> = rows.map(|(n, samples)| (n + usize::from(first), *samples)).collect();
            if expected.zero_count > 0 {
                prop_assert_eq!(shown.remove(0), (0, expected.zero_count));
            }
            let expected: Vec<_> =
                expected.buckets.iter().map(|(index, samples)| ((index - zero) as usize, *samples)).collect();
            prop_assert_eq!(shown, expected);
        }

        #[test]
        fn columns_add_up(one in buckets(), other in buckets()) {
            let of = |buckets| HistogramValue { buckets, sum: 0 };
            let (mut one, other) = (of(one), of(other));
            let mut sum = heat(None, &one);
            sum.add(&heat(None, &other));
            one.merge(&other);
            prop_assert_eq!(sum, heat(None, &one));
        }
    }
}
