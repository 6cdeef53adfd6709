//! Field offsets and switches, set by user space before the object is loaded.

use exporter_common::scheduler::SchedFields;

/// All zero here; a volatile read keeps the compiler from believing that.
#[unsafe(no_mangle)]
pub static FIELDS: SchedFields = SchedFields {
    pid: 0,
    tgid: 0,
    flags: 0,
    state: 0,
    has_prev_state: 0,
    cfs_rq: 0,
    cfs_rq_rq: 0,
    rq_clock: 0,
    run_delay: 0,
    pcount: 0,
    last_arrival: 0,
    sum_exec_runtime: 0,
    nvcsw: 0,
    nivcsw: 0,
    read_bytes: 0,
    write_bytes: 0,
    group_leader: 0,
    start_time: 0,
    comm: 0,
    mm: 0,
    exe_file: 0,
    file_dentry: 0,
    dentry_name: 0,
    scheduler: 0,
    durations: 0,
    cgroups: 0,
    process: 0,
    executables: 0,
    stalls: 0,
    on_cpu: 0,
    last_queued: 0,
    in_iowait: 0,
    in_iowait_mask: 0,
    reclaim_state: 0,
    capture_control: 0,
    has_task_registers: 0,
    stack: 0,
    stack_to_registers: 0,
    syscall_number: 0,
};

/// A frozen constant of [`FIELDS`].
macro_rules! field {
    ($field:ident) => {{
        use $crate::fields::FIELDS;
        exporter_ebpf::frozen!(FIELDS.$field)
    }};
}
pub(crate) use field;
