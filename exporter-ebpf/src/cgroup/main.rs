//! Hook family `cgroup`: births, renames and deaths of cgroups, sent to user space with their paths.
//!
//! These are rare and must not be missed, because what dies is named before it is gone; so they are events,
//! where everything else here is a sum.
#![no_std]
#![no_main]

mod maps;

use aya_ebpf::{
    helpers::generated::{bpf_get_smp_processor_id, bpf_probe_read_kernel_str},
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use exporter_common::cgroup::{CgroupCpu, CgroupEventHead, CgroupEventKind, CgroupProgram, MAX_PATH};
use exporter_ebpf::{atomic, cgroup, kernel::Struct, program};

use crate::maps::{CPUS, EVENTS, SCRATCH};

/// `cgroup_mkdir`: a cgroup is there and can be entered.
#[btf_tracepoint(function = "cgroup_mkdir")]
fn cgroup_mkdir(ctx: BtfTracePointContext) -> i32 {
    measured(CgroupProgram::Mkdir, |cpu| report(cpu, &ctx, CgroupEventKind::Born))
}

/// `cgroup_rename`: a cgroup has another name (cgroup v1).
#[btf_tracepoint(function = "cgroup_rename")]
fn cgroup_rename(ctx: BtfTracePointContext) -> i32 {
    measured(CgroupProgram::Rename, |cpu| report(cpu, &ctx, CgroupEventKind::Renamed))
}

/// `cgroup_rmdir`: a cgroup can't be entered any more.
#[btf_tracepoint(function = "cgroup_rmdir")]
fn cgroup_rmdir(ctx: BtfTracePointContext) -> i32 {
    measured(CgroupProgram::Rmdir, |cpu| report(cpu, &ctx, CgroupEventKind::Removed))
}

/// Counts and times a run of `program`, with this CPU's record.
#[inline(always)]
fn measured(program: CgroupProgram, body: impl FnOnce(*mut CgroupCpu)) -> i32 {
    // SAFETY: a helper without arguments.
    let Some(cpu) = CPUS.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else { return 0 };
    // SAFETY: `cpu` points into a map's value.
    unsafe {
        let runs = &raw mut (*cpu).programs[program as usize];
        let started = program::begin_interruptible(runs);
        body(cpu);
        program::end(runs, started);
    }
    0
}

/// Sends what happened to the cgroup in the first argument, whose path is the second one.
///
/// The kernel holds one lock from writing the path until these programs have run, so at any time one of
/// them runs, on one CPU, and the room for the event is its own.
#[inline(always)]
fn report(cpu: *mut CgroupCpu, ctx: &BtfTracePointContext, kind: CgroupEventKind) {
    let group = Struct::new(ctx.arg(0));
    if !cgroup::is_in_hierarchy(group) {
        return;
    }
    let Some(event) = SCRATCH.get_ptr_mut(0) else { return };
    // SAFETY: `event` and `cpu` point into maps' values; the length is within the event.
    unsafe {
        let path = &raw mut (*event).path;
        let read = bpf_probe_read_kernel_str(path.cast(), MAX_PATH as u32, ctx.arg(1));
        // Bytes read, with the terminating zero; less than one is an error. The mask is for the verifier.
        let path_len = if read < 1 { 0 } else { (read as usize - 1) & (MAX_PATH - 1) };
        (*event).head =
            CgroupEventHead { id: cgroup::id(group), kind: kind as u32, path_len: path_len as u32 };
        let sent = core::slice::from_raw_parts(event.cast::<u8>(), size_of::<CgroupEventHead>() + path_len);
        if EVENTS.output::<[u8]>(sent, 0).is_err() {
            atomic::add_u64(&raw mut (*cpu).failures.dropped, 1);
        }
    }
}
