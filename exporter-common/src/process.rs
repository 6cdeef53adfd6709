//! The `process` collector's values: what the kernel sums per task, gathered per process.

use crate::{COMM_LEN, stalls::Ongoing};

/// What tells two processes apart even when the kernel reuses a process id.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ProcessKey {
    /// `start_time` of the thread group's leader, in nanoseconds since boot.
    pub leader_start: u64,
    /// Process id in the initial pid namespace.
    pub tgid: u32,
    /// Always zero: a hash key has no padding.
    pub reserved: u32,
}

// SAFETY: a `u64` and two `u32`s.
unsafe impl crate::Plain for ProcessKey {}

/// Sums that the kernel keeps per task. They wrap around only where the kernel's own do.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ProcessTotals {
    /// `se.sum_exec_runtime`: nanoseconds on a CPU.
    pub cpu_ns: u64,
    /// `sched_info.run_delay`: nanoseconds runnable but not running.
    pub run_queue_ns: u64,
    /// `nvcsw`
    pub voluntary: u64,
    /// `nivcsw`
    pub involuntary: u64,
    /// `ioac.read_bytes`: fetched from storage.
    pub read_bytes: u64,
    /// `ioac.write_bytes`: sent to storage.
    pub write_bytes: u64,
}

// SAFETY: `u64`s.
unsafe impl crate::Plain for ProcessTotals {}

impl core::ops::AddAssign for ProcessTotals {
    fn add_assign(&mut self, other: Self) {
        self.cpu_ns = self.cpu_ns.wrapping_add(other.cpu_ns);
        self.run_queue_ns = self.run_queue_ns.wrapping_add(other.run_queue_ns);
        self.voluntary = self.voluntary.wrapping_add(other.voluntary);
        self.involuntary = self.involuntary.wrapping_add(other.involuntary);
        self.read_bytes = self.read_bytes.wrapping_add(other.read_bytes);
        self.write_bytes = self.write_bytes.wrapping_add(other.write_bytes);
    }
}

/// Longest name of a file that is kept, with its terminating zero; the rest is cut off.
pub const EXECUTABLE_LEN: usize = 64;

/// The last part of an executed file's path. Its key is a hash of it, so equal names have equal keys.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExecutableName(pub [u8; EXECUTABLE_LEN]);

// SAFETY: bytes.
unsafe impl crate::Plain for ExecutableName {}

/// What the dead threads of a process have left behind.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct DeadThreads {
    /// Their last values, added up.
    pub totals: ProcessTotals,
    /// Cgroup of the thread that died first.
    pub cgroup: u64,
    /// The leader's command name, or the first dead thread's until the leader dies.
    pub comm: [u8; COMM_LEN],
    /// `PF_*` flags of that task.
    pub flags: u32,
    /// 1 when `comm` is the leader's.
    pub leader_died: u32,
    /// How many they are.
    pub threads: u64,
    /// As [`TaskRecord::executable`].
    pub executable: u64,
}

// SAFETY: `repr(C)` integers, sizes are multiples of eight.
unsafe impl crate::Plain for DeadThreads {}

/// One living thread, as the task iterator writes it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TaskRecord {
    /// The process.
    pub process: ProcessKey,
    /// The thread's values.
    pub totals: ProcessTotals,
    /// The thread's cgroup.
    pub cgroup: u64,
    /// Key of the file that the process executes; zero when it is not known, or nobody wants to know.
    pub executable: u64,
    /// What is going on with it; all zero where nobody wants to know.
    pub ongoing: Ongoing,
    /// The leader's command name, also when the leader is dead and only other threads live.
    pub comm: [u8; COMM_LEN],
    /// Thread id in the initial pid namespace; the leader's equals the process id.
    pub pid: u32,
    /// `PF_*` flags.
    pub flags: u32,
}

// SAFETY: `repr(C)` integers, sizes are multiples of eight.
unsafe impl crate::Plain for TaskRecord {}
