//! What happens to a request, and what is remembered of it meanwhile.
//!
//! The kernel makes its request structures once and uses them again, so an entry stays when its request is
//! done: that saves an insertion and a deletion per request. Entries of devices that are gone are deleted by
//! user space.
//!
//! Without durations only those requests have an entry, and only until they are done, that complete more than
//! once: in parts, or with their data and again at the end of a flush sequence.

use aya_ebpf::{bindings::BPF_ANY, helpers::bpf_ktime_get_ns};
use exporter_common::{
    block_io::{BlockCpu, RequestEntry, RequestState},
    histogram::{Bytes, Nanoseconds},
};
use exporter_ebpf::{atomic, cells, kernel::Struct};

use crate::{
    disk::{self, Disk},
    fields::field,
    maps::{CROWDED, REQUESTS, SLOTS},
    submitter,
    values::{count_error, key, observe, remembered_slot, slot},
};

// As the entries hold them.
const DONE: u32 = RequestState::Done as u32;
const QUEUED: u32 = RequestState::Queued as u32;
const IN_FLIGHT: u32 = RequestState::InFlight as u32;
const REQUEUED: u32 = RequestState::Requeued as u32;
const FLUSHING: u32 = RequestState::Flushing as u32;

/// The operation is in the low eight bits of `request.cmd_flags` (include/linux/blk_types.h).
const OPERATION_MASK: u32 = 0xff;

#[inline(always)]
fn operation(request: Struct) -> u32 {
    request.read::<u32>(field!(cmd_flags)) & OPERATION_MASK
}

#[inline(always)]
fn home(request: Struct) -> u32 {
    // Requests begin with a cache line: the lowest bits are always zero.
    exporter_common::cells::home(request.address_bits() >> 6, field!(request_cells))
}

#[inline(always)]
fn address(request: Struct) -> u64 {
    request.as_ptr::<u8>() as u64
}

#[inline(always)]
fn entry(request: Struct) -> Option<*mut RequestEntry> {
    if field!(durations) == 0 {
        return CROWDED.get_ptr_mut(address(request));
    }
    cells::find(&REQUESTS, home(request), address(request)).or_else(|| CROWDED.get_ptr_mut(address(request)))
}

/// Remembers a request anew, whatever is still remembered of it: that belongs to a former use.
///
/// # Safety
///
/// `cpu` is this CPU's record, `old` is the request's entry.
#[inline(always)]
unsafe fn remember(
    cpu: *mut BlockCpu,
    request: Struct,
    old: Option<*mut RequestEntry>,
    new: RequestEntry,
) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(old) = old {
            if (*old).state == IN_FLIGHT {
                disk::end((*old).device); // its completion was not seen
            }
            *old = RequestEntry { slot: (*old).slot, ..new };
            return true;
        }
        if field!(durations) == 1 && cells::take(&REQUESTS, home(request), address(request), new).is_some() {
            return true;
        }
        let inserted = CROWDED.insert(address(request), new, BPF_ANY.into()).is_ok();
        if !inserted {
            atomic::add_u64(&raw mut (*cpu).requests_full, 1);
        }
        inserted
    }
}

/// The request enters a queue.
///
/// # Safety
///
/// `cpu` is this CPU's record.
#[inline(always)]
pub unsafe fn insert(cpu: *mut BlockCpu, request: Struct) {
    let old = entry(request);
    // SAFETY: the caller's promise; entries are a map's values.
    unsafe {
        if let Some(old) = old
            && (*old).state == REQUEUED
        {
            return; // it has been in a queue before
        }
        let new = RequestEntry {
            inserted: bpf_ktime_get_ns(),
            cgroup: submitter::current(request, operation(request)),
            state: QUEUED,
            ..RequestEntry::default()
        };
        remember(cpu, request, old, new);
    }
}

/// The device is given the request.
///
/// # Safety
///
/// As [`insert`].
#[inline(always)]
pub unsafe fn issue(cpu: *mut BlockCpu, request: Struct) {
    let disk = Disk::of(request);
    let device = disk.number();
    let known = entry(request);
    // SAFETY: as in `insert`.
    unsafe {
        let now = bpf_ktime_get_ns();
        if let Some(known) = known
            && ((*known).state == QUEUED || (*known).state == REQUEUED)
        {
            if (*known).issued == 0 {
                (*known).issued = now;
            }
            (*known).device = device;
            (*known).state = IN_FLIGHT;
        } else {
            let new = RequestEntry {
                issued: now,
                cgroup: submitter::current(request, operation(request)),
                device,
                state: IN_FLIGHT,
                ..RequestEntry::default()
            };
            if !remember(cpu, request, known, new) {
                return; // its end could not be counted either
            }
        }
        disk.start(device, cpu);
    }
}

/// The device gives the request back, to be issued again.
///
/// # Safety
///
/// As [`insert`].
#[inline(always)]
pub unsafe fn requeue(request: Struct) {
    let Some(known) = entry(request) else { return };
    // SAFETY: as in `insert`.
    unsafe {
        match (*known).state {
            IN_FLIGHT => disk::end((*known).device),
            QUEUED => {}
            _ => return,
        }
        (*known).state = REQUEUED;
    }
}

/// The request is absorbed by another one.
///
/// # Safety
///
/// As [`insert`].
#[inline(always)]
pub unsafe fn merge(request: Struct) {
    if let Some(known) = entry(request) {
        // SAFETY: as in `insert`.
        unsafe { (*known).state = DONE };
    }
}

/// `bytes` of the request have finished. There may be more to come: other parts of its data, or the end of
/// the flush sequence that it belongs to, which completes it a second time.
///
/// # Safety
///
/// As [`insert`].
#[inline(always)]
pub unsafe fn complete(cpu: *mut BlockCpu, request: Struct, status: i32, bytes: u32) {
    let operation = operation(request);
    let all = bytes >= request.read::<u32>(field!(data_len));
    // The flush that the block layer issues for a sequence has the flag too, but completes once.
    let in_sequence =
        request.read::<u32>(field!(rq_flags)) & field!(flush_seq) != 0 && operation != field!(flush);
    let known = entry(request);
    // SAFETY: as in `insert`.
    unsafe {
        // With durations the device is known since the issue.
        if field!(durations) == 0 && (status != 0 || !all || in_sequence) {
            let disk = Disk::of(request);
            disk.tell(disk.number(), cpu);
        }
        // A sequence fails as its request does, so that would be counted twice.
        if status != 0 && !in_sequence {
            count_error(cpu, Disk::of(request).number(), operation, status);
        }
        if all && !in_sequence {
            finish(cpu, request, operation, known, status, bytes);
            return;
        }
        match known {
            Some(known) if (*known).state != DONE => {
                (*known).finished_bytes += bytes;
                if all && (*known).state == IN_FLIGHT {
                    (*known).state = FLUSHING;
                    disk::end((*known).device);
                }
            }
            _ => {
                // Its start was not seen: `issued` stays zero.
                let new = RequestEntry {
                    cgroup: submitter::from_afar(request),
                    finished_bytes: bytes,
                    device: Disk::of(request).number(),
                    state: FLUSHING,
                    ..RequestEntry::default()
                };
                remember(cpu, request, known, new);
            }
        }
    }
}

/// Nothing of the request is left: it is counted.
#[inline(always)]
unsafe fn finish(
    cpu: *mut BlockCpu,
    request: Struct,
    operation: u32,
    known: Option<*mut RequestEntry>,
    status: i32,
    bytes: u32,
) {
    // SAFETY: as in `complete`.
    unsafe {
        let was = match known {
            Some(known) if (*known).state != DONE => {
                if (*known).state == IN_FLIGHT {
                    disk::end((*known).device);
                }
                (*known).state = DONE;
                *known
            }
            _ => RequestEntry { cgroup: submitter::from_afar(request), ..RequestEntry::default() },
        };
        let RequestEntry { inserted, issued, cgroup, finished_bytes, .. } = was;
        let size = u64::from(finished_bytes) + u64::from(bytes);
        // Until a request is issued, its device is not remembered.
        let device = if issued != 0 { was.device } else { Disk::of(request).number() };
        let key = key(device, operation, cgroup);
        let remembered = if field!(durations) == 1 { remembered_slot(was.slot, &key) } else { None };
        let found = match remembered {
            Some(slot) => Some(slot),
            None => {
                let number = slot(cpu, Disk::of(request), &key);
                if let Some(known) = known {
                    (*known).slot = number;
                }
                SLOTS.get_ptr_mut(number)
            }
        };
        let Some(slot) = found else { return };
        observe::<Bytes, _>(cpu, &raw mut (*slot).size, &raw mut (*slot).size_sum, size);
        if field!(durations) == 0 {
            if known.is_some() {
                let _ = CROWDED.remove(address(request)); // else it stays, as done
            }
            return;
        }
        if issued != 0 {
            let duration = bpf_ktime_get_ns().saturating_sub(issued);
            observe::<Nanoseconds, _>(
                cpu,
                &raw mut (*slot).duration,
                &raw mut (*slot).duration_sum,
                duration,
            );
            if inserted != 0 {
                let waited = issued.saturating_sub(inserted);
                observe::<Nanoseconds, _>(cpu, &raw mut (*slot).queue, &raw mut (*slot).queue_sum, waited);
            }
        } else if status != 0 || (operation == field!(write) && size == 0) {
            atomic::add_u64(&raw mut (*slot).never_issued, 1);
        } else {
            atomic::add_u64(&raw mut (*slot).missed_starts, 1);
        }
    }
}
