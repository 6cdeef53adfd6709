//! The write-combining cache: most samples of a CPU fall into few cells, and adding to memory that only
//! this CPU writes costs a fraction of adding to memory that all CPUs share.
//!
//! A hit is two plain additions. A miss writes the old cell back to its slot, with atomic additions. Who
//! reads adds the slots and all caches up; see [`exporter_common::scheduler::CacheEntry`] for the order of
//! writes that makes this exact.

use core::ptr::{addr_of_mut, write_volatile};

use exporter_common::{
    histogram::{Nanoseconds, Unit, bucket},
    scheduler::{
        ACTIVITY_PART, CACHE_ENTRIES, CacheEntry, CellKey, SCHEDULER_COUNTERS, SCHEDULER_HISTOGRAMS,
        SchedCpu, SchedulerCounter, SchedulerHistogram,
    },
    stalls::ACTIVITIES,
};
use exporter_ebpf::atomic;

use crate::maps::SLOTS;

const ONE: u64 = 1 << 32;

/// Adds a duration to a histogram.
///
/// # Safety
///
/// `cpu` is this CPU's record, and interrupts are off.
#[inline(always)]
pub unsafe fn observe(cpu: *mut SchedCpu, slot: u32, histogram: SchedulerHistogram, nanoseconds: u64) {
    let bucket = bucket::<Nanoseconds>(nanoseconds);
    // SAFETY: the caller's promise.
    unsafe {
        if bucket.clamped {
            (*cpu).clamped += 1;
        }
        add(cpu, CellKey::histogram(slot, histogram, bucket.number), nanoseconds);
    }
}

/// Adds one to a counter.
///
/// # Safety
///
/// As [`observe`].
#[inline(always)]
pub unsafe fn count(cpu: *mut SchedCpu, slot: u32, counter: SchedulerCounter) {
    // SAFETY: the caller's promise.
    unsafe { add(cpu, CellKey::counter(slot, counter), 0) };
}

/// Adds to an activity's time.
///
/// # Safety
///
/// As [`observe`].
#[inline(always)]
pub unsafe fn spend(cpu: *mut SchedCpu, slot: u32, activity: u32, nanoseconds: u64) {
    // SAFETY: the caller's promise.
    unsafe { add(cpu, CellKey::activity(slot, activity), nanoseconds) };
}

#[inline(always)]
unsafe fn add(cpu: *mut SchedCpu, key: CellKey, value: u64) {
    // SAFETY: the index is below the cache's length; the rest is the caller's promise.
    unsafe {
        let index = key.cache_index() as usize & (CACHE_ENTRIES - 1);
        let entry: *mut CacheEntry = addr_of_mut!((*cpu).cache).cast::<CacheEntry>().add(index);
        let word = (*entry).key_and_count;
        if word as u32 == key.0 {
            write_volatile(&raw mut (*entry).key_and_count, word.wrapping_add(ONE));
            write_volatile(&raw mut (*entry).sum, (*entry).sum.wrapping_add(value));
            return;
        }
        if word != 0 {
            write_back(word, (*entry).sum);
            (*cpu).write_backs += 1;
        }
        write_volatile(&raw mut (*entry).key_and_count, 0);
        write_volatile(&raw mut (*entry).sum, value);
        write_volatile(&raw mut (*entry).key_and_count, u64::from(key.0) | ONE);
    }
}

/// Adds what the cache has of a cell to its slot. A call of its own: it is needed rarely and in many places.
#[inline(never)]
fn write_back(word: u64, sum: u64) {
    let key = CellKey(word as u32);
    let count = word >> 32;
    let Some(slot) = SLOTS.get_ptr_mut(key.slot()) else { return };
    let part = key.part() as usize;
    // SAFETY: the slot is a map's value; both indices are checked.
    unsafe {
        if part < SCHEDULER_HISTOGRAMS {
            let histogram = addr_of_mut!((*slot).histograms[0]).add(part);
            let number = key.bucket() as usize;
            if number < Nanoseconds::BUCKETS {
                atomic::add_u32(addr_of_mut!((*histogram).buckets[0]).add(number), count);
                atomic::add_u64(addr_of_mut!((*histogram).sum), sum);
            }
        } else if part == ACTIVITY_PART as usize {
            let activity = key.bucket() as usize;
            if activity < ACTIVITIES {
                atomic::add_u64(addr_of_mut!((*slot).activities[0]).add(activity), sum);
            }
        } else if part < SCHEDULER_HISTOGRAMS + SCHEDULER_COUNTERS {
            let counter = part - SCHEDULER_HISTOGRAMS;
            atomic::add_u32(addr_of_mut!((*slot).counters[0]).add(counter), count);
        }
    }
}
