//! What the programs read of a task: offsets from the running kernel's BTF.

use exporter_common::{ABSENT, scheduler::SchedFields};

use super::Parts;
use crate::kernel::btf::{Btf, BtfError};

/// All offsets, and which collectors are on.
pub(super) fn of(btf: &Btf, parts: Parts) -> Result<SchedFields, BtfError> {
    let task = |field| btf.offset("task_struct", field);
    let optional = |structure, field| btf.optional_offset(structure, field).unwrap_or(ABSENT);
    let (in_iowait, in_iowait_mask) = btf.bit("task_struct", "in_iowait").unwrap_or((0, 0));
    let arguments = btf.tracepoint("sched_switch").unwrap_or_default();
    Ok(SchedFields {
        pid: task("pid")?,
        tgid: task("tgid")?,
        flags: task("flags")?,
        state: task("__state").or_else(|_| task("state"))?,
        has_prev_state: u32::from(arguments.len() > 3),
        cfs_rq: if btf.optional_offset("cfs_rq", "rq").is_some() {
            optional("task_struct", "se.cfs_rq")
        } else {
            ABSENT
        },
        cfs_rq_rq: optional("cfs_rq", "rq"),
        rq_clock: optional("rq", "clock"),
        run_delay: task("sched_info.run_delay")?,
        pcount: task("sched_info.pcount")?,
        last_arrival: task("sched_info.last_arrival")?,
        sum_exec_runtime: task("se.sum_exec_runtime")?,
        nvcsw: task("nvcsw")?,
        nivcsw: task("nivcsw")?,
        read_bytes: optional("task_struct", "ioac.read_bytes"),
        write_bytes: optional("task_struct", "ioac.write_bytes"),
        group_leader: task("group_leader")?,
        start_time: task("start_time")?,
        comm: task("comm")?,
        mm: task("mm")?,
        exe_file: btf.offset("mm_struct", "exe_file")?,
        file_dentry: btf.offset("file", "f_path.dentry")?,
        dentry_name: btf.offset("dentry", "d_name.name")?,
        scheduler: u32::from(parts.scheduler),
        durations: u32::from(parts.durations),
        cgroups: u32::from(parts.cgroups),
        process: u32::from(parts.process),
        executables: u32::from(parts.executables),
        stalls: u32::from(parts.stalls),
        on_cpu: task("on_cpu")?,
        last_queued: task("sched_info.last_queued")?,
        in_iowait,
        in_iowait_mask,
        reclaim_state: task("reclaim_state")?,
        capture_control: optional("task_struct", "capture_control"),
        has_task_registers: u32::from(btf.enum_value("bpf_func_id", "BPF_FUNC_task_pt_regs").is_ok()),
        stack: task("stack")?,
        stack_to_registers: stack_to_registers(btf).unwrap_or(0),
        syscall_number: syscall_number(btf).unwrap_or(ABSENT),
    })
}

/// The register in which the number of a system call is kept until the call returns.
fn syscall_number(btf: &Btf) -> Option<u32> {
    // Where neither the kernel nor its type information tells where the registers are, they are not read.
    let told = btf.enum_value("bpf_func_id", "BPF_FUNC_task_pt_regs").is_ok();
    if !told && stack_to_registers(btf).is_none() {
        return None;
    }
    // x86, arm64
    btf.optional_offset("pt_regs", "orig_ax").or_else(|| btf.optional_offset("pt_regs", "syscallno"))
}

/// The registers are at the end of a kernel stack (`task_pt_regs`, arch/x86/include/asm/processor.h).
fn stack_to_registers(btf: &Btf) -> Option<u32> {
    stack_size(btf)?.checked_sub(btf.size_of("pt_regs")?)
}

/// `THREAD_SIZE`. Not every kernel's type information has the union that tells; on x86 it follows from the configuration
/// (arch/x86/include/asm/page_64_types.h).
fn stack_size(btf: &Btf) -> Option<u32> {
    let by_configuration = || {
        let with_kasan = btf.optional_offset("task_struct", "kasan_depth").is_some();
        cfg!(target_arch = "x86_64").then_some(4096 << (2 + u32::from(with_kasan)))
    };
    btf.size_of("thread_union").or_else(by_configuration)
}
