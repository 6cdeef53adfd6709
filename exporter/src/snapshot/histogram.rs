//! Histograms outside the kernel: wide counts, sparse buckets, and the bounds that every exposition uses.

use std::ops::RangeInclusive;

use exporter_common::histogram::{Bytes, Nanoseconds, PER_OCTAVE, Unit as Buckets};

use crate::catalogue::Kind;

/// A histogram's value: buckets that are not empty, and the sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramValue {
    /// (number of the bucket in memory, samples), ascending, without zeros. Bucket 0 is the zero bucket.
    pub buckets: Vec<(u16, u64)>,
    /// Sum of all values, in the measured unit.
    pub sum: u128,
}

impl HistogramValue {
    /// Samples in all buckets.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, samples)| samples).sum()
    }

    /// Adds what has come since.
    pub fn add(&mut self, delta: &HistogramDelta) {
        self.add_parts(&delta.buckets, u128::from(delta.sum));
    }

    /// Adds all of another one.
    pub fn merge(&mut self, other: &Self) {
        self.add_parts(&other.buckets, other.sum);
    }

    fn add_parts(&mut self, buckets: &[(u16, u64)], sum: u128) {
        self.sum += sum;
        for &(number, samples) in buckets {
            match self.buckets.binary_search_by_key(&number, |(n, _)| *n) {
                Ok(at) => self.buckets[at].1 += samples,
                Err(at) => self.buckets.insert(at, (number, samples)),
            }
        }
    }
}

/// What has come to a histogram since it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramDelta {
    /// (number of the bucket in memory, new samples), ascending, without zeros.
    pub buckets: Vec<(u16, u64)>,
    /// Sum of the new values, in the measured unit.
    pub sum: u64,
}

impl HistogramDelta {
    /// Nothing has come.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty() && self.sum == 0
    }
}

/// Two to the power of `index / 8`, in the exported unit: the inclusive upper bound of the bucket with this
/// Prometheus index. Every bound in every exposition comes from here.
pub fn upper_bound(index: i32) -> f64 {
    if index % PER_OCTAVE == 0 {
        f64::powi(2.0, index / PER_OCTAVE)
    } else {
        f64::exp2(f64::from(index) / f64::from(PER_OCTAVE))
    }
}

/// Prometheus index of the zero bucket's upper bound: bucket `n` in memory has the index `zero_index + n`.
///
/// # Panics
///
/// When `kind` is no histogram.
pub fn zero_index(kind: Kind) -> i32 {
    PER_OCTAVE * exponents(kind).0
}

/// The bounds of a classic histogram without `+Inf`: two to the power of each exponent, in the exported
/// unit, with the number of the last bucket in memory that lies below it. Exponents beyond the buckets in
/// memory are left out, because no bucket ends there.
///
/// # Panics
///
/// When `kind` is no histogram.
pub fn classic_bounds(kind: Kind, wanted: RangeInclusive<i32>) -> impl Iterator<Item = (f64, u16)> {
    let (zero, last) = exponents(kind);
    let first = zero.max(*wanted.start());
    (first..=last.min(*wanted.end())).map(move |exponent| {
        let number = PER_OCTAVE * (exponent - zero);
        (
            upper_bound(PER_OCTAVE * exponent),
            u16::try_from(number).expect("there are fewer than 2^16 buckets"),
        )
    })
}

fn exponents(kind: Kind) -> (i32, i32) {
    match kind {
        Kind::Durations => (Nanoseconds::ZERO_EXPONENT, Nanoseconds::LAST_EXPONENT),
        Kind::Sizes => (Bytes::ZERO_EXPONENT, Bytes::LAST_EXPONENT),
        Kind::Counter | Kind::Gauge => panic!("no histogram"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classic_bounds_are_powers_of_two_and_match_memory() {
        let bounds: Vec<_> = classic_bounds(Kind::Durations, -20..=6).collect();
        assert_eq!(bounds.len(), 27);
        assert_eq!(bounds[0], (f64::exp2(-20.0), 32));
        assert_eq!(bounds[26], (64.0, 240));
        for (bound, number) in bounds {
            assert_eq!(bound, upper_bound(zero_index(Kind::Durations) + i32::from(number)));
        }
    }

    #[test]
    fn classic_bounds_stay_within_memory() {
        let sizes: Vec<_> = classic_bounds(Kind::Sizes, -3..=99).collect();
        assert_eq!(sizes.first(), Some(&(1.0, 0)));
        assert_eq!(sizes.last(), Some(&(f64::exp2(32.0), 256)));
    }

    #[test]
    fn adding_keeps_buckets_sorted_and_sums_them() {
        let mut value = HistogramValue::default();
        value.add(&HistogramDelta { buckets: vec![(5, 2), (9, 1)], sum: 7 });
        value.add(&HistogramDelta { buckets: vec![(3, 1), (9, 4)], sum: u64::MAX });
        assert_eq!(value.buckets, [(3, 1), (5, 2), (9, 5)]);
        assert_eq!(value.count(), 8);
        assert_eq!(value.sum, u128::from(u64::MAX) + 7);
    }
}
