//! Offsets from the running kernel's BTF, in the form in which programs take them.

use exporter_common::{ABSENT, block_io::BlockFields, cgroup::CgroupFields, scheduler::SchedFields};

use super::block::Kept;
use crate::kernel::{
    btf::{Btf, BtfError},
    host::Hierarchy,
};

/// The way from a task to its cgroup's id.
pub(crate) fn cgroup(btf: &Btf, hierarchy: &Hierarchy) -> Result<CgroupFields, BtfError> {
    let pointer = size_of::<u64>() as u32;
    let (css_set_dfl_cgrp, css_set_memory) = if hierarchy.id == 0 {
        (btf.offset("css_set", "dfl_cgrp")?, ABSENT)
    } else {
        let memory = btf.enum_value("cgroup_subsys_id", "memory_cgrp_id")? as u32;
        (ABSENT, btf.offset("css_set", "subsys")? + pointer * memory)
    };
    Ok(CgroupFields {
        task_cgroups: btf.offset("task_struct", "cgroups")?,
        css_set_dfl_cgrp,
        css_set_memory,
        css_cgroup: btf.offset("cgroup_subsys_state", "cgroup")?,
        cgroup_kn: btf.offset("cgroup", "kn")?,
        kernfs_node_id: btf.offset("kernfs_node", "id")?,
        cgroup_self_flags: btf.offset("cgroup", "self.flags")?,
        css_online: btf.enumerator("CSS_ONLINE").ok_or(BtfError::NoValue("CSS_ONLINE".to_owned()))? as u32,
        cgroup_root: btf.offset("cgroup", "root")?,
        root_hierarchy_id: btf.offset("cgroup_root", "hierarchy_id")?,
        hierarchy: hierarchy.id,
    })
}

/// What the `sched` hook family reads of a task.
pub(crate) fn sched(btf: &Btf, scheduler: bool, process: bool) -> Result<SchedFields, BtfError> {
    let task = |field| btf.offset("task_struct", field);
    let optional = |structure, field| btf.optional_offset(structure, field).unwrap_or(ABSENT);
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
        scheduler: u32::from(scheduler),
        process: u32::from(process),
    })
}

/// What the `block` hook family reads of a request. `io_on_v2`: bios know the cgroup by which cgroups are
/// told apart.
pub(crate) fn block(btf: &Btf, kept: Kept, io_on_v2: bool) -> Result<BlockFields, BtfError> {
    let request = |field| btf.offset("request", field);
    let optional = |structure, field| btf.optional_offset(structure, field).unwrap_or(ABSENT);
    let operation = |name| {
        btf.enum_value("req_op", name)
            .or_else(|_| btf.enum_value("req_opf", name))
            .map(|number| number as u32)
    };
    let insert = btf.tracepoint("block_rq_insert").unwrap_or_default();
    let rq_disk = optional("request", "rq_disk");
    let mut fields = BlockFields {
        request_argument: u32::from(insert.first().is_some_and(|name| name == "request_queue*")),
        cmd_flags: request("cmd_flags")?,
        rq_flags: request("rq_flags")?,
        // Before 6.11 the flags are macros, of which the type information knows nothing.
        flush_seq: 1 << btf.enumerator("__RQF_FLUSH_SEQ").unwrap_or(4),
        data_len: request("__data_len")?,
        bio: request("bio")?,
        queue: request("q")?,
        queue_disk: if rq_disk == ABSENT { btf.offset("request_queue", "disk")? } else { ABSENT },
        rq_disk,
        disk_major: btf.offset("gendisk", "major")?,
        disk_first_minor: btf.offset("gendisk", "first_minor")?,
        disk_name: btf.offset("gendisk", "disk_name")?,
        bio_blkg: ABSENT,
        blkg_blkcg: ABSENT,
        blkcg_css: ABSENT,
        css_set_io: ABSENT,
        typed_current_task: u32::from(btf.enum_value("bpf_func_id", "BPF_FUNC_get_current_task_btf").is_ok()),
        write: operation("REQ_OP_WRITE")?,
        flush: operation("REQ_OP_FLUSH")?,
        keep_device: u32::from(kept.device),
        keep_operation: u32::from(kept.operation),
        keep_cgroup: u32::from(kept.cgroup),
    };
    if io_on_v2
        && let Some(bio_blkg) = btf.optional_offset("bio", "bi_blkg")
        && let Ok(io) = btf.enum_value("cgroup_subsys_id", "io_cgrp_id")
    {
        fields.bio_blkg = bio_blkg;
        fields.blkg_blkcg = btf.offset("blkcg_gq", "blkcg")?;
        fields.blkcg_css = btf.offset("blkcg", "css")?;
        fields.css_set_io = btf.offset("css_set", "subsys")? + size_of::<u64>() as u32 * io as u32;
    }
    Ok(fields)
}
