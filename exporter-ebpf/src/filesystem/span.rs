//! From an operation's entry to its return.
//!
//! A file system may carry out an operation by others: an overlay by those of the file system below it, a synchronous write
//! by an fsync. That is part of the operation which the task has asked for, and nothing of its own. Only the outermost call of
//! a task is measured: the one that is highest on the task's stack. The kernel's trampoline lends the programs on a call's entry
//! and on its return the same place there, so that tells calls apart, too: what is left of a call whose return was not seen
//! is overwritten by the next one that is not deeper.

use aya_ebpf::{EbpfContext, helpers::bpf_ktime_get_ns};
use exporter_common::filesystem::note;
use exporter_ebpf::{
    kernel::Struct,
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

/// A call begins.
#[inline(always)]
pub fn begin(cpu: Cpu, frame: u32) {
    // Without durations, anything but zero will do.
    // SAFETY: a helper without arguments.
    remember(cpu, frame, if durations() { unsafe { bpf_ktime_get_ns() } } else { 1 });
}

/// A call begins that will wait for others, and is not to be measured.
#[inline(always)]
pub fn pass(cpu: Cpu, frame: u32) {
    remember(cpu, frame, PASSED);
}

#[inline(always)]
fn remember(cpu: Cpu, frame: u32, since: u64) {
    let Some(caller) = tasks::begin() else { return cpu.note(note::TASK_ENTRY_MISSING) };
    // SAFETY: a map's value.
    unsafe {
        if (*caller).since != 0 && frame < (*caller).frame {
            return;
        }
        (*caller).frame = frame;
        (*caller).since = since;
    }
}

/// A call returns. If it is the one that is measured, `measured` gets the time of its beginning, and the rows that are
/// remembered of the task.
#[inline(always)]
pub fn end(cpu: Cpu, frame: u32, measured: impl FnOnce(u64, *mut u32)) {
    let Some(found) = tasks::find() else { return cpu.note(note::START_MISSED) };
    let caller = found.entry;
    // SAFETY: a map's value.
    unsafe {
        let since = (*caller).since;
        if since != 0 && (*caller).frame != frame {
            return;
        }
        match since {
            0 => cpu.note(note::START_MISSED),
            PASSED => {}
            _ => measured(since, (&raw mut (*caller).rows).cast()),
        }
        (*caller).since = 0;
    }
    found.forget();
}
