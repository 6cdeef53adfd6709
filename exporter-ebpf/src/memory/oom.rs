//! Victims of the OOM killer.
//!
//! It is called by a task that could not get memory, and marks a victim in that task's context. Whether a limit was at
//! fault or the machine has no memory, nothing in the kernel tells at that moment. But the task has just tried to reclaim,
//! from the cgroup at its limit or from anybody, and that it did so is remembered.

use aya_ebpf::{
    macros::{btf_tracepoint, fentry},
    programs::{BtfTracePointContext, FEntryContext},
};
use exporter_common::memory::{pending, program, scope, series, stall};
use exporter_ebpf::{cgroup, kernel::Struct, rows::keeps_cgroup};

use crate::{
    fields::field,
    maps::LAST_RECLAIM,
    pending::{recall, remember, thread},
    rows,
};

/// `mark_victim`: a task is going to be killed. Each of several that are killed together is marked.
#[btf_tracepoint(function = "mark_victim")]
fn mark_victim(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::VICTIM, |cpu| {
        let cgroup = if field!(victim_is_task) == 1 {
            of_victim(Struct::new(ctx.arg(0)))
        } else {
            recall(pending::VICTIM).unwrap_or(0)
        };
        cpu.count(series::OOM_KILLS, scope(), cgroup, 1);
    })
}

/// `mark_oom_victim`, where `mark_victim` tells no task. It marks the task if nobody else has done so.
#[fentry(function = "mark_oom_victim")]
fn mark_oom_victim(ctx: FEntryContext) -> i32 {
    rows().measured(program::VICTIM_TASK, |cpu| {
        remember(cpu, pending::VICTIM, of_victim(Struct::new(ctx.arg(0))));
    })
}

#[inline(always)]
fn of_victim(task: Struct) -> u64 {
    if keeps_cgroup() { cgroup::id(cgroup::of_task(task)) } else { 0 }
}

/// Who ran out of memory, by what the current task did last to get some.
#[inline(always)]
fn scope() -> u32 {
    match LAST_RECLAIM.get_ptr(thread()) {
        // SAFETY: values of a preallocated hash stay readable.
        Some(last) if unsafe { *last } == stall::MEMCG => scope::LIMIT,
        Some(_) => scope::GLOBAL,
        None => scope::UNKNOWN,
    }
}
