//! What a thread's time goes into: the values of the collector `stalls`.

/// What a thread does, or what it waits for. At any time it is exactly one of these.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activity {
    /// On a CPU.
    Running = 0,
    /// Runnable, waiting for a CPU; also while its cgroup is throttled.
    RunQueue = 1,
    /// Asleep until a block device is done (`in_iowait`).
    BlockIo = 2,
    /// Asleep while it frees memory for itself.
    Reclaim = 3,
    /// Asleep while it moves memory together for itself.
    Compaction = 4,
    /// Asleep, not to be disturbed, for another reason: a lock of the kernel, a page under write-back.
    Uninterruptible = 5,
    /// Asleep in `futex`: a lock, a condition variable, or a worker without work.
    Futex = 6,
    /// Asleep in `poll`, `select`, `epoll_wait` and their variants.
    Poll = 7,
    /// Asleep for a time that it asked for.
    Timer = 8,
    /// Asleep until a child changes its state.
    Child = 9,
    /// Asleep in a system call for sockets.
    Socket = 10,
    /// Asleep in `read`, `write` and their variants: a pipe, a terminal, a socket.
    File = 11,
    /// Asleep in another system call, stopped, traced or frozen.
    Other = 12,
    /// A kernel thread without work.
    Idle = 13,
}

/// Number of activities.
pub const ACTIVITIES: usize = 14;

/// In [`TaskEntry::activity`](crate::scheduler::TaskEntry::activity): the task was asleep when it was first seen, so that
/// only a part of this sleep was seen.
pub const OLDER: u32 = 1 << 31;

/// Numbers of system calls that are told apart; a power of two.
pub const SYSCALLS: usize = 512;

/// The [`Activity`] of who sleeps in a system call, by its number. Set by user space before the object is loaded.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SyscallActivities(pub [u8; SYSCALLS]);

// SAFETY: bytes.
unsafe impl crate::Plain for SyscallActivities {}

/// What is going on with a living thread, as the task iterator writes it: an interval that has not ended is in no sum yet.
/// Clocks are the run queue's.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Ongoing {
    /// The time of this record.
    pub now: u64,
    /// As in [`TaskEntry`](crate::scheduler::TaskEntry).
    pub departed: u64,
    /// By how much `sched_info.run_delay` has grown since the thread departed.
    pub waited: u64,
    /// `sched_info.last_arrival`
    pub last_arrival: u64,
    /// `sched_info.last_queued`: since when it has waited for a CPU, or zero.
    pub last_queued: u64,
    /// As in [`TaskEntry`](crate::scheduler::TaskEntry).
    pub activity: u32,
    /// Not zero when the thread is on a CPU.
    pub on_cpu: u32,
}

// SAFETY: `u64`s and two `u32`s.
unsafe impl crate::Plain for Ongoing {}
