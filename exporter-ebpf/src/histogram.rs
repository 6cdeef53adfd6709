//! Adding a sample to a histogram that other CPUs, and other programs on this one, add to as well.

use exporter_common::histogram::{Unit, bucket};

use crate::atomic;

/// Adds a sample. One beyond the last bucket goes into that, and is noted in `clamped`.
///
/// # Safety
///
/// All three point into maps' values, and there are as many buckets as `U` has.
#[inline(always)]
pub unsafe fn observe<U: Unit, const BUCKETS: usize>(
    buckets: *mut [u32; BUCKETS],
    sum: *mut u64,
    clamped: *mut u64,
    value: u64,
) {
    let bucket = bucket::<U>(value);
    let number = bucket.number as usize;
    // SAFETY: the caller's promise.
    unsafe {
        if bucket.clamped {
            atomic::add_u64(clamped, 1);
        }
        if number < BUCKETS {
            atomic::add_u32(buckets.cast::<u32>().add(number), 1);
        }
        atomic::add_u64(sum, value);
    }
}

/// The same where nobody else adds at the same time.
///
/// # Safety
///
/// As [`observe`].
#[inline(always)]
pub unsafe fn observe_alone<U: Unit, const BUCKETS: usize>(
    buckets: *mut [u32; BUCKETS],
    sum: *mut u64,
    clamped: *mut u64,
    value: u64,
) {
    let bucket = bucket::<U>(value);
    let number = bucket.number as usize;
    // SAFETY: the caller's promise.
    unsafe {
        if bucket.clamped {
            *clamped += 1;
        }
        if number < BUCKETS {
            *buckets.cast::<u32>().add(number) += 1;
        }
        *sum += value;
    }
}
