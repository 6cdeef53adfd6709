//! Taking a slot for a tenant that is seen for the first time; see [`exporter_common::slots`].

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    maps::{HashMap, Queue},
};
use exporter_common::slots::{OVERFLOW_SLOT, SlotFailures};

use crate::atomic;

/// The slot of `key`, which gets one now if it has none. `own` writes the owner's record of a slot, with the
/// key before anybody can find it, and with nobody when the slot goes back.
///
/// # Safety
///
/// `failures` points into a map's value.
#[inline(always)]
pub unsafe fn find_or_take<K: Copy>(
    index: &HashMap<K, u32>,
    free: &Queue<u32>,
    failures: *mut SlotFailures,
    key: &K,
    alive: impl FnOnce() -> bool,
    own: impl Fn(u32, bool),
) -> u32 {
    if let Some(slot) = index.get_ptr(key) {
        // SAFETY: values of a preallocated hash stay readable; a reused one is caught by the owner's record.
        return unsafe { *slot };
    }
    // SAFETY (whole function): the caller's promise for `failures`.
    if !alive() {
        unsafe { atomic::add_u64(&raw mut (*failures).tenant_gone, 1) };
        return OVERFLOW_SLOT;
    }
    let Ok(Some(slot)) = free.pop() else {
        unsafe { atomic::add_u64(&raw mut (*failures).exhausted, 1) };
        return OVERFLOW_SLOT;
    };
    own(slot, true);
    if index.insert(key, slot, BPF_NOEXIST.into()).is_ok() {
        return slot;
    }
    // Another CPU was faster, or the hash refused: the slot goes back. Nobody may find his record in a slot
    // that is not his, wherever he remembers it from.
    own(slot, false);
    unsafe { give_back(free, failures, slot) };
    match index.get_ptr(key) {
        // SAFETY: as above.
        Some(slot) => unsafe { *slot },
        None => {
            unsafe { atomic::add_u64(&raw mut (*failures).insert_failed, 1) };
            OVERFLOW_SLOT
        }
    }
}

/// Returns a slot that was not used. A queue that refuses it (a lock held by an interrupted program) loses
/// the slot until the exporter restarts: that is counted.
#[inline(always)]
unsafe fn give_back(free: &Queue<u32>, failures: *mut SlotFailures, slot: u32) {
    if free.push(slot, 0).is_err() {
        // SAFETY: the caller's promise.
        unsafe { atomic::add_u64(&raw mut (*failures).insert_failed, 1) };
    }
}
