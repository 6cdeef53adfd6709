//! Hook families: one BPF object each, with everything that hangs on its hooks. Collectors read from here.

pub mod block;
pub mod cgroup;
pub mod per_task;
pub mod rows;
pub mod rung;
pub mod sched;
pub mod selftest;

mod fields;
