//! From a task to the id of its cgroup.

use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_get_current_task_btf};
use exporter_common::{ABSENT, cgroup::CgroupFields};

use crate::{
    frozen,
    kernel::{Address, Pointer, Struct},
};

/// Set by user space before the object is loaded.
#[unsafe(no_mangle)]
static CGROUP: CgroupFields = CgroupFields {
    task_cgroups: 0,
    css_set_dfl_cgrp: 0,
    css_set_memory: 0,
    css_cgroup: 0,
    cgroup_kn: 0,
    kernfs_node_id: 0,
    cgroup_self_flags: 0,
    css_online: 0,
    cgroup_root: 0,
    root_hierarchy_id: 0,
    hierarchy: 0,
    typed_current_task: 0,
};

/// The cgroup of a task, in the hierarchy by which cgroups are told apart.
#[inline(always)]
pub fn of_task<P: Pointer>(task: P) -> P {
    let css_set = task.follow(frozen!(CGROUP.task_cgroups));
    if frozen!(CGROUP.css_set_memory) == ABSENT {
        css_set.follow(frozen!(CGROUP.css_set_dfl_cgrp))
    } else {
        css_set.follow(frozen!(CGROUP.css_set_memory)).follow(frozen!(CGROUP.css_cgroup))
    }
}

/// The id of a cgroup: the inode number of its directory, never reused.
#[inline(always)]
pub fn id<P: Pointer>(cgroup: P) -> u64 {
    cgroup.follow(frozen!(CGROUP.cgroup_kn)).read(frozen!(CGROUP.kernfs_node_id))
}

/// The id of the current task's cgroup. Only where the current task is the one that something is about.
#[inline(always)]
pub fn of_current_task() -> u64 {
    if current_task_is_typed() {
        // SAFETY: a helper without arguments.
        id(of_task(Struct::new(unsafe { bpf_get_current_task_btf() }.cast())))
    } else {
        // SAFETY: as above.
        id(of_task(Address(unsafe { bpf_get_current_task() })))
    }
}

/// Whether the verifier knows what `bpf_get_current_task_btf` returns; there is no such helper before Linux 5.11.
#[inline(always)]
pub fn current_task_is_typed() -> bool {
    frozen!(CGROUP.typed_current_task) == 1
}

/// Whether the cgroup still exists. Tasks that are dying can be in one that has been removed.
#[inline(always)]
pub fn is_online(cgroup: Struct) -> bool {
    let flags: u32 = cgroup.read(frozen!(CGROUP.cgroup_self_flags));
    flags & frozen!(CGROUP.css_online) != 0
}

/// The state that a task's cgroup has with a controller, at the controller's place in `css_set`.
#[inline(always)]
pub fn state_of_task<P: Pointer>(task: P, css_set_subsys: u32) -> P {
    task.follow(frozen!(CGROUP.task_cgroups)).follow(css_set_subsys)
}

/// The cgroup of a controller's state.
#[inline(always)]
pub fn of_state(state: Struct) -> Struct {
    state.follow(frozen!(CGROUP.css_cgroup))
}

/// Whether the cgroup belongs to the hierarchy by which cgroups are told apart.
#[inline(always)]
pub fn is_in_hierarchy(cgroup: Struct) -> bool {
    let hierarchy: u32 = cgroup.follow(frozen!(CGROUP.cgroup_root)).read(frozen!(CGROUP.root_hierarchy_id));
    hierarchy == frozen!(CGROUP.hierarchy)
}
