//! From an operation's entry to its return.
//!
//! A file system may carry out an operation by others: an overlay by those of the file system below it, a synchronous write
//! by an fsync. That is part of the operation which the task has asked for, and nothing of its own. Only the outermost call of
//! a task is measured: the one that is highest on the task's stack. The kernel's trampoline lends the programs on a call's entry
//! and on its return the same place there, so that tells calls apart, too.
//!
//! What is left of a call whose return was not seen is overwritten by the next one that is not deeper, or that is never
//! within another one. Kernels that begin each system call at a random depth make the former a matter of luck.

use aya_ebpf::{EbpfContext, helpers::bpf_ktime_get_ns};
use exporter_common::filesystem::{ROWS, note};
use exporter_ebpf::{
    kernel::{Struct, of_any_size},
    per_task::Mark,
    rows::{Cpu, durations},
};

use crate::tasks;

/// In place of the time at which a call began that is not measured, nor what it does.
const PASSED: u64 = u64::MAX;

/// Where on the stack a call is. A stack does not cross a border of 4 GiB.
#[inline(always)]
pub fn frame(ctx: &impl EbpfContext) -> u32 {
    Struct::new(ctx.as_ptr().cast_const().cast()).address_bits()
}

/// A call begins which only a system call makes.
#[inline(always)]
pub fn begin(cpu: Cpu, frame: u32) {
    remember(cpu, frame, now(), |_| true);
}

/// A call begins, perhaps within another one.
#[inline(always)]
pub fn begin_unless_within(cpu: Cpu, frame: u32) {
    remember(cpu, frame, now(), |outer| frame >= outer);
}

/// A call begins, perhaps within another one, that will wait for others, and is not to be measured.
#[inline(always)]
pub fn pass(cpu: Cpu, frame: u32) {
    remember(cpu, frame, PASSED, |outer| frame >= outer);
}

/// Without durations, anything but zero will do.
#[inline(always)]
fn now() -> u64 {
    // SAFETY: a helper without arguments.
    if durations() { unsafe { bpf_ktime_get_ns() } } else { 1 }
}

/// `replaces` says whether it is remembered in place of a call at this depth.
#[inline(always)]
fn remember(cpu: Cpu, frame: u32, since: u64, replaces: impl FnOnce(u32) -> bool) {
    let Some(caller) = tasks::begin(Mark::of_thread()) else { return cpu.note(note::TASK_ENTRY_MISSING) };
    // SAFETY: a map's value.
    unsafe {
        if (*caller).since == 0 || replaces((*caller).frame) {
            (*caller).frame = frame;
            (*caller).since = since;
        }
    }
}

/// A call that returns and was measured.
pub struct Ended {
    /// When it began.
    pub since: u64,
    found: tasks::Found,
}

impl Ended {
    /// A row that is remembered of the task for calls like this one.
    ///
    /// # Safety
    ///
    /// It is not used after [`forget`](Self::forget).
    #[inline(always)]
    pub unsafe fn row(&self, like: u32) -> *mut u32 {
        // SAFETY: the index is in range of a map's value.
        unsafe {
            (&raw mut (*self.found.entry).rows).cast::<u32>().add(of_any_size(like) as usize & (ROWS - 1))
        }
    }

    /// The task is in no operation any more.
    #[inline(always)]
    pub fn forget(self) {
        // SAFETY: a map's value.
        unsafe { (*self.found.entry).since = 0 };
        self.found.forget();
    }
}

/// A call returns; `None` when it is not the one that is measured.
#[inline(always)]
pub fn end(cpu: Cpu, frame: u32) -> Option<Ended> {
    let Some(found) = tasks::find(Mark::of_thread()) else {
        cpu.note(note::START_MISSED);
        return None;
    };
    // SAFETY: a map's value.
    let (since, of) = unsafe { ((*found.entry).since, (*found.entry).frame) };
    if since != 0 && of != frame {
        return None; // it is a part of another one
    }
    let ended = Ended { since, found };
    if since != 0 && since != PASSED {
        return Some(ended);
    }
    if since == 0 {
        cpu.note(note::START_MISSED);
    }
    ended.forget();
    None
}

/// A call returns that is not to be measured after all.
#[inline(always)]
pub fn cancel(cpu: Cpu, frame: u32) {
    if let Some(ended) = end(cpu, frame) {
        ended.forget();
    }
}
