//! Hook families: one BPF object each, with everything that hangs on its hooks. Collectors read from here.

pub mod block;
pub mod cgroup;
pub mod sched;
pub mod selftest;

/// Which offsets lead from a task to the id of its cgroup, on this kernel and host.
pub(crate) mod fields;
