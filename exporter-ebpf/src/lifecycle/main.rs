//! Hook family `lifecycle`, for the collector of that name.
//!
//! Nothing is remembered between the beginning and the end of a process: the kernel keeps when it was made, and from the
//! numbers of execs that a task has, its own and its parent's at the fork, follows which exec is the first.
#![no_std]
#![no_main]

mod end;

use aya_ebpf::{
    helpers::bpf_ktime_get_ns,
    macros::{btf_tracepoint, fexit},
    programs::{BtfTracePointContext, FExitContext},
};
use exporter_common::lifecycle::{Class, LifecycleFields, program, series, signal};
use exporter_ebpf::{
    kernel::Struct,
    rows::{Cpu, cgroup_of, current_cgroup, durations},
};

exporter_ebpf::rows!();

/// Set by user space before the object is loaded.
#[unsafe(no_mangle)]
static FIELDS: LifecycleFields = LifecycleFields {
    pid: 0,
    tgid: 0,
    group_leader: 0,
    start_time: 0,
    exit_code: 0,
    parent_exec_id: 0,
    self_exec_id: 0,
    signal: 0,
    signal_flags: 0,
    group_exit_code: 0,
    live: 0,
};

/// A frozen constant of [`FIELDS`].
macro_rules! field {
    ($field:ident) => {{
        use $crate::FIELDS;
        exporter_ebpf::frozen!(FIELDS.$field)
    }};
}
pub(crate) use field;

/// `sched_process_fork`: a process or a thread is made, in its parent's context and its own cgroup.
#[btf_tracepoint(function = "sched_process_fork")]
fn sched_process_fork(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::FORK, |cpu| {
        let child = Struct::new(ctx.arg(1));
        let is_process = child.read::<u32>(field!(pid)) == child.read::<u32>(field!(tgid));
        let what = if is_process { series::PROCESS_CREATED } else { series::THREAD_CREATED };
        cpu.count(what, 0, cgroup_of(child), 1);
    })
}

/// `sched_process_exec`: a process executes another file from now on.
#[btf_tracepoint(function = "sched_process_exec")]
fn sched_process_exec(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::EXEC, |cpu| {
        let task = Struct::new(ctx.arg(0));
        let cgroup = cgroup_of(task);
        cpu.count(series::EXEC, 0, cgroup, 1);
        // A task is born with the number that its parent has then, and each exec adds one. A child that is made its
        // parent's sibling (CLONE_PARENT) has the number of its grandparent, so that it may be more than one ahead.
        let (own, parents): (u64, u64) = (task.read(field!(self_exec_id)), task.read(field!(parent_exec_id)));
        if durations() && own.wrapping_sub(parents) == 1 {
            cpu.observe(series::EXEC_DELAY, 0, cgroup, since_start(task));
        }
    })
}

/// `sched_process_exit`: a thread ends, and its process with it if it is the last one.
#[btf_tracepoint(function = "sched_process_exit")]
fn sched_process_exit(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::EXIT, |cpu| {
        let task = Struct::new(ctx.arg(0));
        let cgroup = cgroup_of(task);
        if !end::is_of_process(cpu, &ctx, task) {
            return cpu.count(series::THREAD_EXIT, 0, cgroup, 1);
        }
        let leader = task.follow(field!(group_leader));
        let status = end::status(task, leader);
        cpu.count(series::EXIT, Class::of(status) as u32, cgroup, 1);
        if signal(status) != 0 {
            cpu.count(series::FATAL_SIGNAL, signal(status), cgroup, 1);
        }
        if durations() {
            cpu.observe(series::LIFETIME, 0, cgroup, since_start(leader));
        }
    })
}

/// The end of execve(2), successful or not.
#[fexit]
fn execve_exit(ctx: FExitContext) -> i32 {
    rows().measured(program::EXECVE, |cpu| count_failure(cpu, ctx.arg(1)))
}

/// The end of execveat(2).
#[fexit]
fn execveat_exit(ctx: FExitContext) -> i32 {
    rows().measured(program::EXECVEAT, |cpu| count_failure(cpu, ctx.arg(1)))
}

#[inline(always)]
fn count_failure(cpu: Cpu, result: i64) {
    if result < 0 {
        cpu.count(series::EXEC_FAILED, result.unsigned_abs() as u32, current_cgroup(), 1);
    }
}

/// Time since a task was made.
#[inline(always)]
fn since_start(task: Struct) -> u64 {
    // SAFETY: a helper without arguments. It reads the same clock as `start_time` does.
    unsafe { bpf_ktime_get_ns() }.saturating_sub(task.read(field!(start_time)))
}
