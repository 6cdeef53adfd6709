//! Offsets from the running kernel's BTF, in the form in which programs take them.

use exporter_common::{ABSENT, cgroup::CgroupFields, scheduler::SchedFields};

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
