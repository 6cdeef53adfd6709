//! Where finished requests and errors are counted.

use core::ptr::addr_of_mut;

use aya_ebpf::bindings::BPF_NOEXIST;
use exporter_common::{
    block_io::{BlockCpu, BlockErrorKey, BlockKey, BlockOwner, BlockSlot},
    histogram::{Histogram, Unit, bucket},
};
use exporter_ebpf::{atomic, slots};

use crate::{
    disk::Disk,
    fields::field,
    maps::{ERRORS, FREE, OWNERS, SLOT_OF, SLOTS},
};

/// The operation's number for keys.
#[inline(always)]
fn kept(operation: u32) -> u32 {
    if field!(keep_operation) == 1 { operation + 1 } else { 0 }
}

/// The slot for a cgroup's requests to a disk. A cgroup that is already gone gets one too: there is no
/// telling here, and user space ends its tenancy at the next read.
///
/// # Safety
///
/// `cpu` is this CPU's record.
#[inline(always)]
pub unsafe fn slot(cpu: *mut BlockCpu, disk: Disk, operation: u32, cgroup: u64) -> Option<*mut BlockSlot> {
    let key = BlockKey { cgroup, device: disk.number(), operation: kept(operation) };
    let claim = |slot| {
        if let Some(owner) = OWNERS.get_ptr_mut(slot) {
            let BlockKey { cgroup, device, operation } = key;
            // SAFETY: `owner` is a map's value.
            unsafe {
                owner.write(BlockOwner { taken: 1, cgroup, device, operation, disk_name: disk.name() })
            };
        }
    };
    // SAFETY: the caller's promise.
    let slot = unsafe { slots::find_or_take(&SLOT_OF, &FREE, &raw mut (*cpu).slots, &key, || true, claim) };
    SLOTS.get_ptr_mut(slot)
}

/// Adds a sample, beside other CPUs and other programs on this one.
///
/// # Safety
///
/// `cpu` is this CPU's record, `histogram` is part of a map's value and has the buckets of `U`.
#[inline(always)]
pub unsafe fn observe<U: Unit, const BUCKETS: usize>(
    cpu: *mut BlockCpu,
    histogram: *mut Histogram<BUCKETS>,
    value: u64,
) {
    let bucket = bucket::<U>(value);
    let number = bucket.number as usize;
    // SAFETY: the caller's promise.
    unsafe {
        if bucket.clamped {
            atomic::add_u64(&raw mut (*cpu).clamped, 1);
        }
        if number < BUCKETS {
            atomic::add_u32(addr_of_mut!((*histogram).buckets).cast::<u32>().add(number), 1);
        }
        atomic::add_u64(&raw mut (*histogram).sum, value);
    }
}

/// Counts an error.
///
/// # Safety
///
/// `cpu` is this CPU's record.
#[inline(always)]
pub unsafe fn count_error(cpu: *mut BlockCpu, disk: Disk, operation: u32, status: i32) {
    let key = BlockErrorKey { device: disk.number(), operation: kept(operation), status, reserved: 0 };
    if ERRORS.get_ptr(key).is_none() {
        let _ = ERRORS.insert(key, 0, BPF_NOEXIST.into()); // or another CPU was faster
    }
    // SAFETY: the caller's promise; what the map returns is its value.
    unsafe {
        match ERRORS.get_ptr_mut(key) {
            Some(count) => atomic::add_u64(count, 1),
            None => atomic::add_u64(&raw mut (*cpu).errors_full, 1),
        }
    }
}
