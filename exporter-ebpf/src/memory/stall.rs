//! Tasks that make room for what they ask for, are slowed down for it, or wait for what was in memory before.

use aya_ebpf::{
    bindings::BPF_ANY,
    macros::{btf_tracepoint, fentry, fexit},
    programs::{BtfTracePointContext, FEntryContext, FExitContext},
};
use exporter_common::memory::{OVER_HIGH, pending, program, series, stall};
use exporter_ebpf::rows::{Cpu, current_cgroup};

use crate::{
    fields::field,
    maps::LAST_RECLAIM,
    observe,
    pending::{begin, end, end_if_begun, of_current_task, thread},
    rows,
};

/// A program at the beginning of a reclaim and one at its end.
macro_rules! reclaim {
    ($begin:ident: $begin_name:literal, $begin_number:expr, $end:ident: $end_name:literal, $end_number:expr, $kind:expr) => {
        #[btf_tracepoint(function = $begin_name)]
        fn $begin(_: BtfTracePointContext) -> i32 {
            rows().measured($begin_number, |cpu| begin(cpu, $kind))
        }

        #[btf_tracepoint(function = $end_name)]
        fn $end(ctx: BtfTracePointContext) -> i32 {
            rows().measured($end_number, |cpu| reclaimed(cpu, $kind, ctx.arg(0)))
        }
    };
}

reclaim!(
    mm_vmscan_direct_reclaim_begin: "mm_vmscan_direct_reclaim_begin", program::DIRECT_BEGIN,
    mm_vmscan_direct_reclaim_end: "mm_vmscan_direct_reclaim_end", program::DIRECT_END, stall::DIRECT);
reclaim!(
    mm_vmscan_memcg_reclaim_begin: "mm_vmscan_memcg_reclaim_begin", program::MEMCG_BEGIN,
    mm_vmscan_memcg_reclaim_end: "mm_vmscan_memcg_reclaim_end", program::MEMCG_END, stall::MEMCG);
reclaim!(
    mm_vmscan_node_reclaim_begin: "mm_vmscan_node_reclaim_begin", program::NODE_BEGIN,
    mm_vmscan_node_reclaim_end: "mm_vmscan_node_reclaim_end", program::NODE_END, stall::NODE);

/// A reclaim ends that has taken back so many pages.
#[inline(always)]
fn reclaimed(cpu: Cpu, kind: u32, pages: u64) {
    let Some(duration) = end(cpu, kind) else { return };
    let cgroup = current_cgroup();
    cpu.observe(series::STALL, kind, cgroup, duration);
    cpu.count(series::RECLAIMED, kind, cgroup, pages);
    // Without it a victim's scope is unknown.
    let _ = LAST_RECLAIM.insert(thread(), kind, BPF_ANY.into());
}

/// `mm_compaction_begin`: a zone is compacted, by the task that needs it or by a kernel thread in the background.
#[btf_tracepoint(function = "mm_compaction_begin")]
fn mm_compaction_begin(_: BtfTracePointContext) -> i32 {
    rows().measured(program::COMPACTION_BEGIN, |cpu| {
        if is_of_a_process() {
            begin(cpu, stall::COMPACTION);
        }
    })
}

/// `mm_compaction_end`
#[btf_tracepoint(function = "mm_compaction_end")]
fn mm_compaction_end(_: BtfTracePointContext) -> i32 {
    rows().measured(program::COMPACTION_END, |cpu| {
        if is_of_a_process()
            && let Some(duration) = end(cpu, stall::COMPACTION)
        {
            observe(cpu, series::STALL, stall::COMPACTION, duration);
        }
    })
}

/// `mm_vmscan_throttled`: a task has slept during reclaim, or a kernel thread in the background.
#[btf_tracepoint(function = "mm_vmscan_throttled")]
fn mm_vmscan_throttled(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::THROTTLED, |cpu| {
        let (microseconds, reason): (u32, u32) = (ctx.arg(2), ctx.arg(3));
        if is_of_a_process() {
            observe(cpu, series::THROTTLE, reason, u64::from(microseconds) * 1000);
        }
    })
}

/// `mem_cgroup_handle_over_high`, on the way back to user space and sometimes when memory is charged.
#[fentry(function = "mem_cgroup_handle_over_high")]
fn over_high_begin(_: FEntryContext) -> i32 {
    rows().measured(program::OVER_HIGH_BEGIN, |cpu| {
        if of_current_task::<u32>(field!(task_over_high)) != 0 {
            begin(cpu, pending::OVER_HIGH);
        }
    })
}

/// Its return: for most there was nothing to do.
#[fexit(function = "mem_cgroup_handle_over_high")]
fn over_high_end(_: FExitContext) -> i32 {
    rows().measured(program::OVER_HIGH_END, |cpu| {
        if let Some(duration) = end_if_begun(pending::OVER_HIGH) {
            observe(cpu, series::THROTTLE, OVER_HIGH, duration);
        }
    })
}

/// `filemap_fault`: a fault for a page of a file that the pages around it did not bring along.
#[fentry(function = "filemap_fault")]
fn file_fault_begin(_: FEntryContext) -> i32 {
    rows().measured(program::FILE_FAULT_BEGIN, |cpu| begin(cpu, pending::FILE_FAULT))
}

/// Its return.
#[fexit(function = "filemap_fault")]
fn file_fault_end(ctx: FExitContext) -> i32 {
    rows().measured(program::FILE_FAULT_END, |cpu| faulted(cpu, pending::FILE_FAULT, ctx.arg(1)))
}

/// `do_swap_page`: a fault for a page that has been swapped out, or is being moved.
#[fentry(function = "do_swap_page")]
fn swap_fault_begin(_: FEntryContext) -> i32 {
    rows().measured(program::SWAP_FAULT_BEGIN, |cpu| begin(cpu, pending::SWAP_FAULT))
}

/// Its return.
#[fexit(function = "do_swap_page")]
fn swap_fault_end(ctx: FExitContext) -> i32 {
    rows().measured(program::SWAP_FAULT_END, |cpu| faulted(cpu, pending::SWAP_FAULT, ctx.arg(1)))
}

/// A fault has been handled, with these flags as the result. A major one has waited by now for what it has asked for, also
/// when it is to be tried again because of that.
#[inline(always)]
fn faulted(cpu: Cpu, what: u32, result: u32) {
    if let Some(duration) = end(cpu, what)
        && result & field!(fault_major) != 0
    {
        observe(cpu, series::MAJOR_FAULT, what, duration);
    }
}

/// Whether the current task works for a process. Kernel threads have no memory of their own.
#[inline(always)]
fn is_of_a_process() -> bool {
    of_current_task::<u64>(field!(task_mm)) != 0
}
