//! The `scheduler` collector's values: histograms per cgroup and a write-combining cache before them.

use crate::{
    histogram::{Durations, Nanoseconds, Unit},
    process::ProcessTotals,
    program::ProgramRuns,
    slots::SlotFailures,
    stalls::ACTIVITIES,
};

/// The histograms of a slot, in their order in [`SchedulerSlot::histograms`].
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SchedulerHistogram {
    /// From runnable to running.
    RunQueue = 0,
    /// Length of finished slices.
    OnCpu = 1,
    /// Asleep, wakeable by signals.
    Interruptible = 2,
    /// Asleep, waiting for something that must happen first; without `TASK_NOLOAD`.
    Uninterruptible = 3,
    /// Stopped, traced, frozen, parked.
    OtherSleep = 4,
}

/// Number of histograms in a slot.
pub const SCHEDULER_HISTOGRAMS: usize = 5;

/// The counters of a slot; in a [`CellKey`] they follow the histograms.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SchedulerCounter {
    /// Switches away from a task that has to wait for something.
    Voluntary = 0,
    /// Switches away from a task that could have gone on.
    Involuntary = 1,
    /// Moves to another CPU.
    Migrations = 2,
}

/// Number of counters in a slot.
pub const SCHEDULER_COUNTERS: usize = 3;

/// One cgroup's values. All of them wrap around.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SchedulerSlot {
    /// Indexed by [`SchedulerHistogram`].
    pub histograms: [Durations; SCHEDULER_HISTOGRAMS],
    /// Indexed by [`SchedulerCounter`].
    pub counters: [u32; SCHEDULER_COUNTERS],
    /// Keeps what follows at a multiple of eight.
    pub padding: u32,
    /// Nanoseconds by [`Activity`](crate::stalls::Activity), without what is in the histograms' sums.
    pub activities: [u64; ACTIVITIES],
    /// Dead processes of this cgroup for which the map of dead processes had no room.
    pub unplaced_processes: ProcessTotals,
}

// SAFETY: `repr(C)`, all parts plain and multiples of eight bytes.
unsafe impl crate::Plain for SchedulerSlot {}

impl SchedulerSlot {
    /// A slot in which nothing has been counted.
    pub const fn zeroed() -> Self {
        // SAFETY: a plain type takes any bytes.
        unsafe { core::mem::zeroed() }
    }
}

/// Entries of one CPU's write-combining cache (a power of two).
pub const CACHE_ENTRIES: usize = 2048;

/// Names one cell of one slot: a histogram's bucket or a counter.
///
/// `slot:16 | part:4 | bucket:12`, where `part` counts the histograms first and the counters after them.
/// The zero key is a valid cell (the overflow slot's first one): an empty entry is one whose count is zero.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellKey(pub u32);

const _: () = assert!(Nanoseconds::BUCKETS <= 1 << 12);
/// The part of a [`CellKey`] that is the time of an activity, whose number is in the place of the bucket.
pub const ACTIVITY_PART: u32 = (SCHEDULER_HISTOGRAMS + SCHEDULER_COUNTERS) as u32;

const _: () = assert!(ACTIVITY_PART < 1 << 4);

/// Slot numbers fit in the key's sixteen bits.
pub const MAX_SLOTS: u32 = 1 << 16;

impl CellKey {
    /// The cell of a histogram's bucket.
    #[inline(always)]
    pub const fn histogram(slot: u32, histogram: SchedulerHistogram, bucket: u32) -> Self {
        Self(slot << 16 | (histogram as u32) << 12 | bucket)
    }

    /// The cell of a counter.
    #[inline(always)]
    pub const fn counter(slot: u32, counter: SchedulerCounter) -> Self {
        Self(slot << 16 | (SCHEDULER_HISTOGRAMS as u32 + counter as u32) << 12)
    }

    /// The cell of an activity's time.
    #[inline(always)]
    pub const fn activity(slot: u32, activity: u32) -> Self {
        Self(slot << 16 | ACTIVITY_PART << 12 | activity)
    }

    /// The slot.
    #[inline(always)]
    pub const fn slot(self) -> u32 {
        self.0 >> 16
    }

    /// Number of the histogram, or of the counter plus [`SCHEDULER_HISTOGRAMS`], or [`ACTIVITY_PART`].
    #[inline(always)]
    pub const fn part(self) -> u32 {
        self.0 >> 12 & 15
    }

    /// The bucket of a histogram, or the number of an activity.
    #[inline(always)]
    pub const fn bucket(self) -> u32 {
        self.0 & 0xfff
    }

    /// Where in the cache this cell is kept: neighbouring buckets side by side, different parts and slots
    /// apart.
    #[inline(always)]
    pub const fn cache_index(self) -> u32 {
        (self.0 ^ (self.0 >> 12).wrapping_mul(0x9e37_79b1) >> 16) & (CACHE_ENTRIES as u32 - 1)
    }
}

/// One entry of the write-combining cache: samples of one cell that the slot has not got yet.
///
/// The writer is the only one on its CPU and has interrupts off. When an entry changes its cell, the writer
/// first makes `key_and_count` zero, then writes `sum`, then the new key, so that a reader who finds the
/// same non-zero word before and after reading `sum` has a sum that belongs to it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheEntry {
    /// Samples in the upper 32 bits, [`CellKey`] in the lower ones; zero is an empty entry.
    pub key_and_count: u64,
    /// Sum of the samples' values.
    pub sum: u64,
}

/// Programs of the `sched` hook family, in their order in [`SchedCpu::programs`].
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SchedProgram {
    /// `sched_switch`
    Switch = 0,
    /// `sched_migrate_task`
    Migrate = 1,
    /// `task_newtask`
    NewTask = 2,
    /// `sched_process_exec`
    Exec = 3,
}

/// Number of programs in the `sched` hook family.
pub const SCHED_PROGRAMS: usize = 4;

/// What one CPU keeps for itself. Only programs on that CPU write it, with interrupts off.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SchedCpu {
    /// The run queue's clock at this CPU's last switch; zero before the first one.
    pub since: u64,
    /// Tasks met without an entry in task storage: their wait and sleep were not measured.
    pub missing_tasks: u64,
    /// Samples beyond the last bucket.
    pub clamped: u64,
    /// Cache entries written back to make room for another cell.
    pub write_backs: u64,
    /// Processes whose last values found no room in the map of dead processes; kept in their cgroup's slot.
    pub unplaced_processes: u64,
    /// Threads whose last values are in the map of dead processes: while no more are, it need not be read.
    pub deaths: u64,
    /// Failures of the slot table.
    pub slots: SlotFailures,
    /// Indexed by [`SchedProgram`].
    pub programs: [ProgramRuns; SCHED_PROGRAMS],
    /// The write-combining cache, by [`CellKey::cache_index`].
    pub cache: [CacheEntry; CACHE_ENTRIES],
}

// SAFETY: `repr(C)`, only `u64`s.
unsafe impl crate::Plain for SchedCpu {}

/// How the last switch away from a task went, which says what the time until its next slice means.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Departure {
    /// None was seen.
    Unknown = 0,
    /// It could have gone on: all the time until its next slice is waiting.
    Involuntary = 1,
    /// As [`SchedulerHistogram::Interruptible`].
    Interruptible = 2,
    /// As [`SchedulerHistogram::Uninterruptible`].
    Uninterruptible = 3,
    /// As [`SchedulerHistogram::OtherSleep`].
    Other = 4,
    /// A kernel thread with nothing to do.
    Idling = 5,
}

/// What is remembered of a task between two slices.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct TaskEntry {
    /// The run queue's clock when the task last left a CPU; zero when that was not seen.
    pub departed: u64,
    /// `sched_info.run_delay` at that time.
    pub run_delay: u64,
    /// `start_time` of the thread group's leader, which with the tgid tells processes apart.
    pub leader_start: u64,
    /// The slot of the cgroup in which the task was last seen; valid while that slot has the same owner.
    pub slot: u32,
    /// A [`Departure`].
    pub departure: u32,
    /// Not zero once the task's last values are in the map of dead processes.
    pub drained: u32,
    /// What the task has been doing since it departed: an [`Activity`](crate::stalls::Activity), with
    /// [`OLDER`](crate::stalls::OLDER).
    pub activity: u32,
    /// Key of the file that the process executes, see [`crate::process::ExecutableName`]; zero when not known.
    pub executable: u64,
}

// SAFETY: `u64`s and two `u32`s.
unsafe impl crate::Plain for TaskEntry {}

/// Offsets of the fields that the `sched` hook family reads, from the running kernel's BTF.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SchedFields {
    /// `task_struct.pid`
    pub pid: u32,
    /// `task_struct.tgid`
    pub tgid: u32,
    /// `task_struct.flags`
    pub flags: u32,
    /// `task_struct.__state`, or `state` before 5.14
    pub state: u32,
    /// 1 when sched_switch has `prev_state` as its fourth argument.
    pub has_prev_state: u32,
    /// `task_struct.se.cfs_rq`, or [`ABSENT`](crate::ABSENT) without CONFIG_FAIR_GROUP_SCHED
    pub cfs_rq: u32,
    /// `cfs_rq.rq`
    pub cfs_rq_rq: u32,
    /// `rq.clock`
    pub rq_clock: u32,
    /// `task_struct.sched_info.run_delay`
    pub run_delay: u32,
    /// `task_struct.sched_info.pcount`
    pub pcount: u32,
    /// `task_struct.sched_info.last_arrival`
    pub last_arrival: u32,
    /// `task_struct.se.sum_exec_runtime`
    pub sum_exec_runtime: u32,
    /// `task_struct.nvcsw`
    pub nvcsw: u32,
    /// `task_struct.nivcsw`
    pub nivcsw: u32,
    /// `task_struct.ioac.read_bytes`, or [`ABSENT`](crate::ABSENT) without CONFIG_TASK_IO_ACCOUNTING
    pub read_bytes: u32,
    /// `task_struct.ioac.write_bytes`
    pub write_bytes: u32,
    /// `task_struct.group_leader`
    pub group_leader: u32,
    /// `task_struct.start_time`
    pub start_time: u32,
    /// `task_struct.comm`
    pub comm: u32,
    /// `task_struct.mm`
    pub mm: u32,
    /// `mm_struct.exe_file`
    pub exe_file: u32,
    /// `file.f_path.dentry`
    pub file_dentry: u32,
    /// `dentry.d_name.name`
    pub dentry_name: u32,
    /// 1 when the `scheduler` collector is on.
    pub scheduler: u32,
    /// 1 when it measures how long things took; else it only counts.
    pub durations: u32,
    /// 1 when it tells cgroups apart; else slot 0 has everything.
    pub cgroups: u32,
    /// 1 when the `process` collector is on.
    pub process: u32,
    /// 1 when it tells processes apart by the file that they execute.
    pub executables: u32,
    /// 1 when the `stalls` collector is on.
    pub stalls: u32,
    /// `task_struct.on_cpu`
    pub on_cpu: u32,
    /// `task_struct.sched_info.last_queued`
    pub last_queued: u32,
    /// The byte of `task_struct.in_iowait`.
    pub in_iowait: u32,
    /// Its bit in that byte.
    pub in_iowait_mask: u32,
    /// `task_struct.reclaim_state`
    pub reclaim_state: u32,
    /// `task_struct.capture_control`, or [`ABSENT`](crate::ABSENT) without CONFIG_COMPACTION
    pub capture_control: u32,
    /// 1 when the kernel tells a task's saved registers (`bpf_task_pt_regs`, Linux 5.15).
    pub has_task_registers: u32,
    /// `task_struct.stack`
    pub stack: u32,
    /// From there to the saved registers.
    pub stack_to_registers: u32,
    /// The register that has the number of the system call, or [`ABSENT`](crate::ABSENT) where it is not known.
    pub syscall_number: u32,
}

// SAFETY: `u32`s.
unsafe impl crate::Plain for SchedFields {}
