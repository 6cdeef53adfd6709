//! The user's side of the write-combining caches: what they hold, added to what the slots hold.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicU64, Ordering},
};

use exporter_common::scheduler::{
    ACTIVITY_PART, CACHE_ENTRIES, CacheEntry, CellKey, SCHEDULER_HISTOGRAMS, SchedCpu, SchedulerSlot,
};

use crate::kernel::mapped::Mapped;

/// What one cache entry holds.
pub(super) struct Cached {
    cell: CellKey,
    count: u32,
    sum: u64,
}

/// Collects what all caches hold of the slots in `range`, ordered by slot.
pub(super) fn read(cpus: &Mapped<SchedCpu>, range: RangeInclusive<usize>, into: &mut Vec<Cached>) {
    for cpu in 0..cpus.len() {
        // SAFETY: the address of a field of an existing entry.
        let cache = unsafe { &raw const (*cpus.at(cpu)).cache };
        for index in 0..CACHE_ENTRIES {
            // SAFETY: within the array.
            let entry = unsafe { cache.cast::<CacheEntry>().add(index) };
            if let Some(cached) = read_entry(entry)
                && range.contains(&(cached.cell.slot() as usize))
            {
                into.push(cached);
            }
        }
    }
    into.sort_unstable_by_key(|cached| cached.cell.0);
}

/// Reads an entry that its CPU may be writing. The word is read before and after the sum: if it is the same,
/// the sum belongs to it. An entry that never holds still is left to the next read.
fn read_entry(entry: *const CacheEntry) -> Option<Cached> {
    const ATTEMPTS: u32 = 100;
    for _ in 0..ATTEMPTS {
        // SAFETY: the caller's entry lies in a mapping; acquire loads keep the order of reads.
        let (word, sum, again) = unsafe {
            let word = AtomicU64::from_ptr((&raw const (*entry).key_and_count).cast_mut());
            let sum = AtomicU64::from_ptr((&raw const (*entry).sum).cast_mut());
            (word.load(Ordering::Acquire), sum.load(Ordering::Acquire), word.load(Ordering::Acquire))
        };
        if word == 0 {
            return None;
        }
        if word == again {
            return Some(Cached { cell: CellKey(word as u32), count: (word >> 32) as u32, sum });
        }
    }
    None
}

/// Adds what the caches hold of slot `number`.
pub(super) fn add(cached: &[Cached], number: usize, slot: &mut SchedulerSlot) {
    let first = cached.partition_point(|cached| (cached.cell.slot() as usize) < number);
    for Cached { cell, count, sum } in &cached[first..] {
        if cell.slot() as usize != number {
            break;
        }
        let part = cell.part() as usize;
        if let Some(histogram) = slot.histograms.get_mut(part) {
            if let Some(bucket) = histogram.buckets.get_mut(cell.bucket() as usize) {
                *bucket = bucket.wrapping_add(*count);
                histogram.sum = histogram.sum.wrapping_add(*sum);
            }
        } else if part == ACTIVITY_PART as usize {
            if let Some(time) = slot.activities.get_mut(cell.bucket() as usize) {
                *time = time.wrapping_add(*sum);
            }
        } else if let Some(counter) = slot.counters.get_mut(part - SCHEDULER_HISTOGRAMS) {
            *counter = counter.wrapping_add(*count);
        }
    }
}
