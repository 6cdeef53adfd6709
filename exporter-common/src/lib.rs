//! What both sides of kernel-exporter agree on: bucket arithmetic, map keys and map values.
//!
//! The BPF programs (`exporter-ebpf`) write these types into maps, the exporter reads them back through
//! memory mappings, so every type here is `repr(C)`, without padding, and valid for every bit pattern
//! ([`Plain`]).
#![no_std]

pub mod block_io;
pub mod cells;
pub mod cgroup;
pub mod filesystem;
pub mod histogram;
pub mod interrupts;
pub mod lifecycle;
pub mod memory;
pub mod network;
pub mod per_task;
pub mod process;
pub mod program;
pub mod rows;
pub mod scheduler;
pub mod selftest;
pub mod slots;
pub mod stalls;
pub mod syscalls;
pub mod tcp;

/// The value of a field offset that says: the running kernel has no such field.
pub const ABSENT: u32 = u32::MAX;

/// Length of a task's command name with its terminating zero (`TASK_COMM_LEN`, include/linux/sched.h).
pub const COMM_LEN: usize = 16;

/// Types that may be copied out of, and into, a BPF map byte by byte.
///
/// # Safety
///
/// The type is `repr(C)`, has no padding bytes, and every bit pattern is a valid value.
pub unsafe trait Plain: Copy + 'static {}

// SAFETY: integers have no padding and no invalid values.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
