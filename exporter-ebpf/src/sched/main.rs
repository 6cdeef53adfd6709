//! Hook family `sched`: everything that hangs on the scheduler's tracepoints.
//!
//! One program per hook; the collectors that join in (`scheduler`, `stalls`, `process`) are switched by frozen
//! constants, so that the verifier removes what is off. There is no program on wakeups: how long a task
//! waited follows from what the kernel itself keeps in `sched_info`.
#![no_std]
#![no_main]

mod cache;
mod executable;
mod fields;
mod iterator;
mod maps;
mod process;
mod scheduler;
mod stalls;
mod tasks;

use aya_ebpf::{
    helpers::generated::{bpf_get_current_task, bpf_get_current_task_btf, bpf_get_smp_processor_id},
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use exporter_common::{
    ABSENT,
    scheduler::{SchedCpu, SchedProgram},
};
use exporter_ebpf::{
    cgroup,
    kernel::{Address, Pointer, Struct},
    program,
};

use crate::fields::field;

/// `sched_switch`: a task leaves a CPU. Runs with interrupts off, so nothing else on this CPU interferes.
#[btf_tracepoint(function = "sched_switch")]
fn sched_switch(ctx: BtfTracePointContext) -> i32 {
    measured(SchedProgram::Switch, |cpu| {
        let previous = Struct::new(ctx.arg(1));
        let (since, now) = scheduler::slice(cpu, previous);
        if previous.read::<u32>(field!(pid)) == 0 {
            return; // the idle task
        }
        let preempted = ctx.arg::<u64>(0) as u8 != 0;
        let state =
            if field!(has_prev_state) == 1 { ctx.arg(3) } else { previous.read::<u32>(field!(state)) };
        let dies = state & TASK_DEAD != 0;
        // Of a task that lives on, something is remembered for durations only.
        let entry = tasks::get_if(scheduler::is_timed() || dies, previous);
        if field!(scheduler) == 1 || field!(stalls) == 1 {
            scheduler::account(cpu, previous, entry, now, since, preempted, state);
        }
        if dies {
            if field!(process) == 1 {
                process::drain(cpu, previous, entry);
            }
            tasks::forget(previous);
        }
    })
}

/// `sched_migrate_task`: a task is given to another CPU. Runs with interrupts off.
#[btf_tracepoint(function = "sched_migrate_task")]
fn sched_migrate_task(ctx: BtfTracePointContext) -> i32 {
    measured(SchedProgram::Migrate, |cpu| scheduler::count_migration(cpu, Struct::new(ctx.arg(0))))
}

/// `task_newtask`: a task is made, in its parent's context, where memory for it may be taken.
#[btf_tracepoint(function = "task_newtask")]
fn task_newtask(ctx: BtfTracePointContext) -> i32 {
    measured(SchedProgram::NewTask, |_| {
        let task = Struct::new(ctx.arg(0));
        executable::note(task, tasks::create(task));
    })
}

/// `sched_process_exec`: a process executes another file. Only attached when somebody wants to know.
#[btf_tracepoint(function = "sched_process_exec")]
fn sched_process_exec(ctx: BtfTracePointContext) -> i32 {
    measured(SchedProgram::Exec, |_| {
        let task = Struct::new(ctx.arg(0));
        executable::note(task, tasks::get_or_create(task));
    })
}

/// The bit of `task_struct.__state` that a task has at its very last switch (include/linux/sched.h).
const TASK_DEAD: u32 = 0x80;

/// Counts and times a run of `program`, with this CPU's record.
#[inline(always)]
fn measured(program: SchedProgram, body: impl FnOnce(*mut SchedCpu)) -> i32 {
    // SAFETY: a helper without arguments.
    let Some(cpu) = maps::CPUS.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else { return 0 };
    // SAFETY: `cpu` points into a map's value.
    unsafe {
        let runs = &raw mut (*cpu).programs[program as usize];
        // Hidden from the compiler, which would otherwise make two copies of the body, a timed and an
        // untimed one, and put them out of line.
        let started = core::hint::black_box(program::begin(runs));
        body(cpu);
        program::end(runs, started);
    }
    0
}

/// The clock of the run queue in which the current task is, where there is one; it is read at ticks and at switches.
#[inline(always)]
fn clock_here() -> u64 {
    // SAFETY: helpers without arguments.
    if cgroup::current_task_is_typed() {
        clock(Struct::new(unsafe { bpf_get_current_task_btf() }.cast()))
    } else {
        clock(Address(unsafe { bpf_get_current_task() }))
    }
}

/// The run queue's clock, which the kernel has just read; the monotonic clock where it can't be reached.
#[inline(always)]
fn clock<P: Pointer>(task: P) -> u64 {
    if field!(cfs_rq) == ABSENT {
        // SAFETY: a helper without arguments.
        unsafe { aya_ebpf::helpers::bpf_ktime_get_ns() }
    } else {
        task.follow(field!(cfs_rq)).follow(field!(cfs_rq_rq)).read(field!(rq_clock))
    }
}
