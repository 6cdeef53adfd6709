//! Births, renames and deaths of cgroups, as sent to user space.

use crate::program::ProgramRuns;

/// What happened to a cgroup.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CgroupEventKind {
    /// `cgroup_mkdir`: a new cgroup, with its path.
    Born = 1,
    /// `cgroup_rename`: the same cgroup under another path (cgroup v1 only).
    Renamed = 2,
    /// `cgroup_rmdir`: no task can enter it any more; dying ones may still be inside.
    Removed = 3,
}

impl CgroupEventKind {
    /// The kind that an event's head names.
    pub const fn of(kind: u32) -> Option<Self> {
        match kind {
            1 => Some(Self::Born),
            2 => Some(Self::Renamed),
            3 => Some(Self::Removed),
            _ => None,
        }
    }
}

/// The kernel cuts the paths that it gives to tracepoints off at this length, a terminating zero included
/// (`TRACE_CGROUP_PATH_LEN`, kernel/cgroup/cgroup-internal.h). A power of two.
pub const MAX_PATH: usize = 1024;

/// Head of a ring-buffer record; `path_len` bytes of path follow, without a terminating zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupEventHead {
    /// kernfs node id: the inode number of the cgroup's directory.
    pub id: u64,
    /// A [`CgroupEventKind`].
    pub kind: u32,
    /// Bytes of path behind this head.
    pub path_len: u32,
}

// SAFETY: a `u64` and two `u32`s.
unsafe impl crate::Plain for CgroupEventHead {}

/// Offsets that lead from a task or a cgroup to the id by which cgroups are told apart.
///
/// With cgroup v2 that is the id in the default hierarchy, on v1 and hybrid hosts the id in the memory
/// controller's hierarchy.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CgroupFields {
    /// `task_struct.cgroups`
    pub task_cgroups: u32,
    /// `css_set.dfl_cgrp`, or [`ABSENT`](crate::ABSENT) when the memory controller is on v1.
    pub css_set_dfl_cgrp: u32,
    /// `css_set.subsys[memory_cgrp_id]`, or [`ABSENT`](crate::ABSENT) with cgroup v2.
    pub css_set_memory: u32,
    /// `cgroup_subsys_state.cgroup`
    pub css_cgroup: u32,
    /// `cgroup.kn`
    pub cgroup_kn: u32,
    /// `kernfs_node.id`
    pub kernfs_node_id: u32,
    /// `cgroup.self.flags`
    pub cgroup_self_flags: u32,
    /// The value of `CSS_ONLINE`.
    pub css_online: u32,
    /// `cgroup.root`
    pub cgroup_root: u32,
    /// `cgroup_root.hierarchy_id`
    pub root_hierarchy_id: u32,
    /// Number of the hierarchy whose ids are used; 0 is cgroup v2.
    pub hierarchy: u32,
    /// 1 where programs may ask for the current task as a pointer that the verifier knows (Linux 5.11).
    pub typed_current_task: u32,
}

// SAFETY: `u32`s.
unsafe impl crate::Plain for CgroupFields {}

/// How often the programs could not report an event.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct CgroupEventFailures {
    /// The ring buffer was full: user space walks the tree again.
    pub dropped: u64,
}

// SAFETY: one `u64`.
unsafe impl crate::Plain for CgroupEventFailures {}

impl core::ops::AddAssign for CgroupEventFailures {
    fn add_assign(&mut self, other: Self) {
        self.dropped += other.dropped;
    }
}

/// Programs of the `cgroup` hook family, in their order in [`CgroupCpu::programs`].
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CgroupProgram {
    /// `cgroup_mkdir`
    Mkdir = 0,
    /// `cgroup_rename`
    Rename = 1,
    /// `cgroup_rmdir`
    Rmdir = 2,
}

/// Number of programs in the `cgroup` hook family.
pub const CGROUP_PROGRAMS: usize = 3;

/// What one CPU keeps for itself. Its programs run in process context, so they add atomically.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct CgroupCpu {
    /// Events that are missing.
    pub failures: CgroupEventFailures,
    /// Indexed by [`CgroupProgram`].
    pub programs: [ProgramRuns; CGROUP_PROGRAMS],
}

// SAFETY: `repr(C)`, only `u64`s.
unsafe impl crate::Plain for CgroupCpu {}
