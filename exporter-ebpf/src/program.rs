//! What a program notes about its own runs; see [`exporter_common::program`].

use aya_ebpf::helpers::bpf_ktime_get_ns;
use exporter_common::program::{ProgramRuns, TIMED_EVERY};

use crate::atomic;

/// The start of a timed run, or 0.
#[derive(Clone, Copy)]
pub struct Started(u64);

/// Counts a run whose program is never interrupted by itself or its siblings on the same CPU.
///
/// # Safety
///
/// `runs` points to this CPU's account in a map's value.
#[inline(always)]
pub unsafe fn begin(runs: *mut ProgramRuns) -> Started {
    // SAFETY: the caller's promise.
    unsafe {
        (*runs).runs += 1;
        started((*runs).runs, || bpf_ktime_get_ns())
    }
}

/// Counts a run as [`begin`] does, one that began at `now`.
///
/// # Safety
///
/// As [`begin`].
#[inline(always)]
pub unsafe fn begin_at(runs: *mut ProgramRuns, now: u64) -> Started {
    // SAFETY: the caller's promise.
    unsafe {
        (*runs).runs += 1;
        started((*runs).runs, || now)
    }
}

/// Counts a run whose program may be interrupted by a sibling.
///
/// # Safety
///
/// As [`begin`].
#[inline(always)]
pub unsafe fn begin_interruptible(runs: *mut ProgramRuns) -> Started {
    // SAFETY: the caller's promise.
    unsafe {
        atomic::add_u64(&raw mut (*runs).runs, 1);
        started((*runs).runs, || bpf_ktime_get_ns())
    }
}

/// Which runs are timed.
#[inline(always)]
fn started(runs: u64, clock: impl FnOnce() -> u64) -> Started {
    Started(if runs & (TIMED_EVERY - 1) == 0 { clock() } else { 0 })
}

/// Ends a run.
///
/// # Safety
///
/// As [`begin`].
#[inline(always)]
pub unsafe fn end(runs: *mut ProgramRuns, started: Started) {
    if started.0 != 0 {
        // SAFETY: the caller's promise.
        unsafe {
            atomic::add_u64(&raw mut (*runs).timed_ns, bpf_ktime_get_ns().wrapping_sub(started.0));
            atomic::add_u64(&raw mut (*runs).timed_runs, 1);
        }
    }
}
