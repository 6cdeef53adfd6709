//! The way from a task to the id of its cgroup, which all hook families go: offsets from the running kernel's
//! BTF, in the form in which programs take them.

use exporter_common::{ABSENT, cgroup::CgroupFields};

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
        typed_current_task: u32::from(btf.enum_value("bpf_func_id", "BPF_FUNC_get_current_task_btf").is_ok()),
    })
}
