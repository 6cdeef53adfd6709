//! The kernel's bucket arithmetic is user space's.

use exporter_common::histogram::{Bytes, Nanoseconds, Unit, index};
use kernel_exporter::hooks::selftest::indices_in_the_kernel;

use crate::harness::*;

/// For values of every size and around every boundary between buckets. User space is compared with exact
/// integers where it is defined.
#[test]
fn the_kernel_finds_the_same_buckets() {
    let Some(_turn) = turn() else { return };
    let mut values: Vec<u64> = (0..1000).chain(u64::MAX - 1000..=u64::MAX).collect();
    values.extend(boundaries::<Nanoseconds>());
    values.extend(boundaries::<Bytes>());
    let boundaries = values.len();
    assert!(boundaries > 2 * 2 * 500, "64 powers of two have 8 boundaries each: {boundaries}");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for bits in (0..64).cycle().take(100_000) {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        values.push(random >> bits);
    }

    let rows = indices_in_the_kernel(&values).expect("the program runs");

    assert_eq!(rows.len(), values.len());
    for (row, value) in rows.iter().zip(values) {
        let truth = (value, index::<Nanoseconds>(value), index::<Bytes>(value));
        assert_eq!((row.value, row.nanoseconds, row.bytes), truth);
    }
}

/// Every value that is the last of its bucket, and its neighbours up to two away.
fn boundaries<U: Unit>() -> Vec<u64> {
    let mut values = Vec::new();
    for bucket in index::<U>(1)..index::<U>(u64::MAX) {
        let (mut low, mut high) = (1, u64::MAX); // index(low) ≤ bucket < index(high)
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if index::<U>(middle) <= bucket { low = middle } else { high = middle }
        }
        values.extend(low.saturating_sub(2)..=low.saturating_add(2));
    }
    values
}
