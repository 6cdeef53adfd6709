//! Where finished requests and errors are counted.

use aya_ebpf::bindings::BPF_NOEXIST;
use exporter_common::{
    block_io::{BlockCpu, BlockErrorKey, BlockKey, BlockOwner, BlockSlot},
    histogram::Unit,
};
use exporter_ebpf::{atomic, histogram, slots};

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

/// What the requests of a cgroup to a device are counted under.
#[inline(always)]
pub fn key(device: u32, operation: u32, cgroup: u64) -> BlockKey {
    BlockKey { cgroup, device, operation: kept(operation) }
}

/// The slot of `key`, if it is the one that `remembered` names.
#[inline(always)]
pub fn remembered_slot(remembered: u32, key: &BlockKey) -> Option<*mut BlockSlot> {
    let owner = OWNERS.get_ptr(remembered)?;
    // SAFETY: `owner` is a map's value.
    let BlockOwner { taken, cgroup, device, operation, .. } = unsafe { &*owner };
    if *taken != 0 && *cgroup == key.cgroup && *device == key.device && *operation == key.operation {
        SLOTS.get_ptr_mut(remembered)
    } else {
        None
    }
}

/// The number of the slot of `key`. A cgroup that is already gone gets one too: there is no telling here, and
/// user space ends its tenancy at the next read.
///
/// # Safety
///
/// `cpu` is this CPU's record.
#[inline(always)]
pub unsafe fn slot(cpu: *mut BlockCpu, disk: Disk, key: &BlockKey) -> u32 {
    let own = |slot, taken: bool| {
        if let Some(owner) = OWNERS.get_ptr_mut(slot) {
            let BlockKey { cgroup, device, operation } = *key;
            let taken = u64::from(taken);
            // SAFETY: `owner` is a map's value.
            unsafe { owner.write(BlockOwner { taken, cgroup, device, operation, disk_name: disk.name() }) };
        }
    };
    // SAFETY: the caller's promise.
    unsafe { slots::find_or_take(&SLOT_OF, &FREE, &raw mut (*cpu).slots, key, || true, own) }
}

/// Adds a sample, beside other CPUs and other programs on this one.
///
/// # Safety
///
/// `cpu` is this CPU's record, `buckets` and `sum` are parts of a map's value, and there are as many buckets
/// as `U` has.
#[inline(always)]
pub unsafe fn observe<U: Unit, const BUCKETS: usize>(
    cpu: *mut BlockCpu,
    buckets: *mut [u32; BUCKETS],
    sum: *mut u64,
    value: u64,
) {
    // SAFETY: the caller's promise.
    unsafe { histogram::observe::<U, BUCKETS>(buckets, sum, &raw mut (*cpu).clamped, value) };
}

/// Counts an error.
///
/// # Safety
///
/// `cpu` is this CPU's record.
#[inline(always)]
pub unsafe fn count_error(cpu: *mut BlockCpu, device: u32, operation: u32, status: i32) {
    let key = BlockErrorKey { device, operation: kept(operation), status, reserved: 0 };
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
