//! Bucket indices against big-integer arithmetic.

extern crate std;

use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;

/// Whether `value ≤ unit · 2^(i/8)`, by `value^8 ≤ unit^8 · 2^i` in whole numbers.
fn at_most<U: Unit>(value: u64, i: i32) -> bool {
    let left = BigUint::from(value).pow(8);
    let right = BigUint::from(U::PER_EXPORTED).pow(8);
    if i >= 0 { left <= right << i as u32 } else { left << (-i) as u32 <= right }
}

fn is_exact<U: Unit>(value: u64) -> bool {
    let i = index::<U>(value);
    at_most::<U>(value, i) && !at_most::<U>(value, i - 1)
}

/// floor(unit · 2^(i/8)).
fn threshold<U: Unit>(i: i32) -> BigUint {
    let unit = BigUint::from(U::PER_EXPORTED).pow(8);
    (if i >= 0 { unit << i as u32 } else { unit >> (-i) as u32 }).nth_root(8)
}

fn around_every_threshold<U: Unit>() {
    let mut tried = 0;
    for i in U::INDEX_OF_ONE..=8 * 64 {
        let Ok(t) = u64::try_from(threshold::<U>(i)) else { break };
        for value in t.saturating_sub(2).max(1)..=t.saturating_add(2) {
            assert!(is_exact::<U>(value), "{value} near threshold {i}");
            tried += 1;
        }
    }
    assert!(tried > 1_000, "only {tried} values tried");
}

#[test]
fn every_threshold_of_seconds_and_its_neighbours() {
    around_every_threshold::<Nanoseconds>();
}

#[test]
fn every_threshold_of_bytes_and_its_neighbours() {
    around_every_threshold::<Bytes>();
}

#[test]
fn every_small_value() {
    for value in 1..50_000 {
        assert!(is_exact::<Nanoseconds>(value), "{value} ns");
        assert!(is_exact::<Bytes>(value), "{value} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]
    /// Random values of every magnitude.
    #[test]
    fn random_values(bits in any::<u64>(), shift in 0u32..63) {
        let value = (bits >> shift).max(1);
        prop_assert!(is_exact::<Nanoseconds>(value));
        prop_assert!(is_exact::<Bytes>(value));
    }
}

#[test]
fn ends_of_the_range() {
    let at = |number, clamped| Bucket { number, clamped };
    assert_eq!(bucket::<Nanoseconds>(0), at(0, false));
    assert_eq!(bucket::<Nanoseconds>(59), at(0, false), "2^-24 s is 59.6 ns");
    assert_eq!(bucket::<Nanoseconds>(60), at(1, false));
    let last = 134_217_728_000_000_000; // 2^27 s
    assert_eq!(bucket::<Nanoseconds>(last), at(Nanoseconds::BUCKETS as u32 - 1, false));
    assert_eq!(bucket::<Nanoseconds>(last + 1), at(Nanoseconds::BUCKETS as u32 - 1, true));
    assert_eq!(bucket::<Nanoseconds>(u64::MAX), at(Nanoseconds::BUCKETS as u32 - 1, true));
    assert_eq!(bucket::<Bytes>(0), at(0, false));
    assert_eq!(bucket::<Bytes>(1), at(0, false));
    assert_eq!(bucket::<Bytes>(2), at(8, false));
    assert_eq!(bucket::<Bytes>(4096), at(96, false));
    assert_eq!(bucket::<Bytes>(4097), at(97, false));
}
