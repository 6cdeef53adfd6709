//! Histograms as native and exponential histograms want them: any scale up to the one in memory, exactly.

use exporter_common::histogram::SCALE;

use super::{HistogramValue, upper_bound, zero_index};
use crate::catalogue::Kind;

/// A histogram with the buckets of one scale: bucket `i` holds what is above `2^((i-1)/2^scale)` and at most
/// `2^(i/2^scale)`, in the exported unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Exponential {
    /// Buckets per power of two, as a power of two: Prometheus' schema, OpenTelemetry's scale.
    pub scale: u8,
    /// The zero bucket holds everything up to here.
    pub zero_threshold: f64,
    /// Samples in the zero bucket.
    pub zero_count: u64,
    /// (Prometheus index, samples), ascending, without zeros. OpenTelemetry's index is one lower.
    pub buckets: Vec<(i32, u64)>,
}

impl HistogramValue {
    /// This histogram with `2^scale` buckets per power of two.
    ///
    /// Lowering the scale by one merges each pair of neighbours, so nothing is interpolated. The zero bucket
    /// ends at a power of two, where a bucket ends at every scale, and stays as it is. A scale above the one
    /// in memory is taken for that one.
    ///
    /// # Panics
    ///
    /// When `kind` is no histogram.
    pub fn exponential(&self, kind: Kind, scale: u8) -> Exponential {
        let scale = scale.min(SCALE as u8);
        let merged = SCALE - u32::from(scale);
        let zero_index = zero_index(kind);
        let mut zero_count = 0;
        let mut buckets: Vec<(i32, u64)> = Vec::with_capacity(self.buckets.len());
        for &(number, samples) in &self.buckets {
            if number == 0 {
                zero_count = samples;
                continue;
            }
            let index = shift_up(zero_index + i32::from(number), merged);
            match buckets.last_mut() {
                Some((last, sum)) if *last == index => *sum += samples,
                _ => buckets.push((index, samples)),
            }
        }
        Exponential { scale, zero_threshold: upper_bound(zero_index), zero_count, buckets }
    }
}

/// `index / 2^bits`, rounded up: upper bounds are inclusive, so the last of the merged buckets gives its
/// bound to all of them.
const fn shift_up(index: i32, bits: u32) -> i32 {
    -(-index >> bits)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use exporter_common::histogram::{Nanoseconds, Unit as _};
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = HistogramValue> {
        proptest::collection::btree_map(0..Nanoseconds::BUCKETS as u16, 1..u64::from(u32::MAX), 0..60)
            .prop_map(|buckets: BTreeMap<u16, u64>| HistogramValue {
                buckets: buckets.into_iter().collect(),
                sum: 0,
            })
    }

    proptest! {
        /// Every sample stays below the bound it was below, and above the next lower one.
        #[test]
        fn lowering_the_scale_merges_whole_buckets(value in value(), scale in 0u8..=3) {
            let low = value.exponential(Kind::Durations, scale);
            prop_assert_eq!(low.zero_count + low.buckets.iter().map(|(_, n)| n).sum::<u64>(), value.count());
            prop_assert!(low.buckets.is_sorted_by(|a, b| a.0 < b.0));
            for (index, samples) in low.buckets {
                let bound = |i: i32| upper_bound(i << (3 - scale));
                let inside: u64 = value.buckets.iter().filter(|(n, _)| *n > 0)
                    .filter(|(n, _)| {
                        let upper = upper_bound(zero_index(Kind::Durations) + i32::from(*n));
                        bound(index - 1) < upper && upper <= bound(index)
                    })
                    .map(|(_, n)| n).sum();
                prop_assert_eq!(inside, samples, "bucket {}", index);
            }
        }
    }

    #[test]
    fn the_zero_bucket_stays_at_every_scale() {
        let value = HistogramValue { buckets: vec![(0, 5), (1, 2), (8, 3), (9, 4)], sum: 0 };
        let at = |scale| value.exponential(Kind::Durations, scale);
        assert_eq!(at(3).buckets, [(-191, 2), (-184, 3), (-183, 4)]);
        assert_eq!(at(0).buckets, [(-23, 5), (-22, 4)]);
        for scale in 0..=3 {
            assert_eq!((at(scale).zero_threshold, at(scale).zero_count), (f64::exp2(-24.0), 5));
        }
        assert_eq!(at(9), at(3), "no finer than memory");
    }
}
