//! The `block_io` collector's values: histograms per (device, operation, cgroup).
//!
//! Labels that the config does not keep are zero in all keys, so that the kernel aggregates over them.

use crate::{
    cells::Cell,
    histogram::{Bytes, Nanoseconds, Unit as _},
    program::ProgramRuns,
    slots::SlotFailures,
};

/// Whose I/O it is. Fields that the config does not keep are zero.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BlockKey {
    /// Whose I/O it is.
    pub cgroup: u64,
    /// `major << 20 | minor` (include/linux/kdev_t.h); zero without a disk, as no disk has the major number 0.
    pub device: u32,
    /// `REQ_OP_*`, the low eight bits of `request.cmd_flags`, plus one, so that zero means: not kept.
    pub operation: u32,
}

// SAFETY: a `u64` and two `u32`s.
unsafe impl crate::Plain for BlockKey {}

/// Length of a disk's name with its terminating zero (`DISK_NAME_LEN`, include/linux/blkdev.h).
pub const DISK_NAME_LEN: usize = 32;

/// Who has a slot.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct BlockOwner {
    /// Not zero while the slot is taken.
    pub taken: u64,
    /// The tenant's cgroup.
    pub cgroup: u64,
    /// The tenant's device.
    pub device: u32,
    /// The tenant's operation plus one.
    pub operation: u32,
    /// `gendisk.disk_name` when the slot was taken.
    pub disk_name: [u8; DISK_NAME_LEN],
}

// SAFETY: `repr(C)` integers, no padding.
unsafe impl crate::Plain for BlockOwner {}

/// The values of one slot. All of them wrap around.
///
/// Every finished request is a sample of `size`, and of exactly one of `duration`, `missed_starts` and
/// `never_issued`: the samples of `duration` and the two counters add up to the samples of `size`. Where
/// durations are not measured, there is nothing but sizes.
///
/// What is added to most lies together at the front, in one cache line.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BlockSlot {
    /// Sum of `duration`, in nanoseconds.
    pub duration_sum: u64,
    /// Sum of `queue`, in nanoseconds.
    pub queue_sum: u64,
    /// Sum of `size`, in bytes.
    pub size_sum: u64,
    /// Finished requests whose start was not seen: they are older than the programs, or a program could not
    /// remember them.
    pub missed_starts: u64,
    /// Finished requests that no device was given: empty flushes, for which the block layer issues a request
    /// of its own, and what failed before its turn came.
    pub never_issued: u64,
    /// First issue to last completion.
    pub duration: [u32; Nanoseconds::BUCKETS],
    /// Insert to first issue, of requests that have finished. Requests that went straight to the device have
    /// none.
    pub queue: [u32; Nanoseconds::BUCKETS],
    /// Bytes of finished requests.
    pub size: [u32; Bytes::BUCKETS],
    /// Makes slots begin with a cache line.
    pub padding: [u32; SLOT_PADDING],
}

const SLOT_PADDING: usize = 16 - (10 + 2 * Nanoseconds::BUCKETS + Bytes::BUCKETS) % 16;

const _: () = assert!(size_of::<BlockSlot>().is_multiple_of(64));

// SAFETY: `repr(C)`, all parts plain and multiples of eight bytes.
unsafe impl crate::Plain for BlockSlot {}

impl BlockSlot {
    /// A slot in which nothing has been counted.
    pub const fn zeroed() -> Self {
        // SAFETY: a plain type takes any bytes.
        unsafe { core::mem::zeroed() }
    }
}

/// Where a request is in its life.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestState {
    /// It has finished, or is not known. The kernel uses its request structures again and again, so their
    /// entries stay.
    Done = 0,
    /// It waits for its first issue.
    Queued = 1,
    /// The device has it.
    InFlight = 2,
    /// The device gave it back unfinished; it waits to be issued again.
    Requeued = 3,
    /// The device has written its data; the flush sequence that it is part of goes on.
    Flushing = 4,
}

/// What is remembered of a request from insert to completion.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct RequestEntry {
    /// When it was inserted into a queue; zero when it went straight to the device.
    pub inserted: u64,
    /// When it was first issued; zero before that.
    pub issued: u64,
    /// Whose I/O it is.
    pub cgroup: u64,
    /// Bytes of the parts that are finished already.
    pub finished_bytes: u32,
    /// As [`BlockKey::device`], from the first issue on; entries of devices that are gone are deleted.
    pub device: u32,
    /// A [`RequestState`].
    pub state: u32,
    /// The slot of the request that last used the structure: most often this one's too.
    pub slot: u32,
    /// Makes cells as large as a cache line.
    pub reserved: u64,
}

const _: () = assert!(size_of::<Cell<RequestEntry>>() == 64);

// SAFETY: `u64`s and four `u32`s.
unsafe impl crate::Plain for RequestEntry {}

/// One kind of error on one device.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BlockErrorKey {
    /// As [`BlockKey::device`].
    pub device: u32,
    /// As [`BlockKey::operation`].
    pub operation: u32,
    /// `blk_status_t`, or a negative errno before 5.16.
    pub status: i32,
    /// Always zero.
    pub reserved: u32,
}

// SAFETY: four 32-bit integers.
unsafe impl crate::Plain for BlockErrorKey {}

/// Devices whose requests are counted.
pub const DEVICE_CELLS: u32 = 1_024;

/// Cells, one after the other, in which a device may be. Two CPUs that see it first at the same moment may
/// each take one: what they hold adds up.
pub const DEVICE_PLACES: u32 = 4;

/// The key by which a device has its cell: zero is no key, but a device number.
#[inline(always)]
pub const fn device_key(number: u32) -> u64 {
    number as u64 + 1
}

/// Requests that a device was given and gave back.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct BlockDevice {
    /// Requests given to the device.
    pub started: u64,
    /// Requests that came back, finished or to be issued again.
    pub ended: u64,
    /// `gendisk.disk_name`
    pub disk_name: [u8; DISK_NAME_LEN],
}

const _: () = assert!(size_of::<Cell<BlockDevice>>() == 64);

// SAFETY: `repr(C)`, no padding.
unsafe impl crate::Plain for BlockDevice {}

/// Programs of the `block` hook family, in their order in [`BlockCpu::programs`].
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockProgram {
    /// `block_rq_insert`
    Insert = 0,
    /// `block_rq_issue`
    Issue = 1,
    /// `block_rq_complete`
    Complete = 2,
    /// `block_rq_requeue`
    Requeue = 3,
    /// `block_rq_merge`
    Merge = 4,
}

/// Number of programs in the `block` hook family.
pub const BLOCK_PROGRAMS: usize = 5;

/// What one CPU keeps for itself. Its programs interrupt each other, so they add atomically.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BlockCpu {
    /// Samples beyond the last bucket.
    pub clamped: u64,
    /// Requests that could not be remembered: the map of requests was full.
    pub requests_full: u64,
    /// Errors that could not be counted by kind: the map of errors was full.
    pub errors_full: u64,
    /// Requests given to devices that could not be counted: the map of devices had no place for them.
    pub devices_full: u64,
    /// Failures of the slot table.
    pub slots: SlotFailures,
    /// Indexed by [`BlockProgram`].
    pub programs: [ProgramRuns; BLOCK_PROGRAMS],
}

// SAFETY: `repr(C)`, only `u64`s.
unsafe impl crate::Plain for BlockCpu {}

/// Offsets and values that the `block` hook family reads, from the running kernel's BTF and the config.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BlockFields {
    /// Which argument of the insert, issue, requeue and merge tracepoints is the request: before 5.11 the
    /// queue comes first.
    pub request_argument: u32,
    /// `request.cmd_flags`
    pub cmd_flags: u32,
    /// `request.rq_flags`
    pub rq_flags: u32,
    /// The bit `RQF_FLUSH_SEQ` as a mask.
    pub flush_seq: u32,
    /// `request.__data_len`
    pub data_len: u32,
    /// `request.bio`
    pub bio: u32,
    /// `request.q`
    pub queue: u32,
    /// `request_queue.disk`, or [`ABSENT`](crate::ABSENT) before 5.17
    pub queue_disk: u32,
    /// `request.rq_disk`, or [`ABSENT`](crate::ABSENT) from 5.17
    pub rq_disk: u32,
    /// `gendisk.major`
    pub disk_major: u32,
    /// `gendisk.first_minor`
    pub disk_first_minor: u32,
    /// `gendisk.disk_name`
    pub disk_name: u32,
    /// `bio.bi_blkg`, or [`ABSENT`](crate::ABSENT) without `CONFIG_BLK_CGROUP` or with cgroup v1
    pub bio_blkg: u32,
    /// `blkcg_gq.blkcg`, or [`ABSENT`](crate::ABSENT) as above
    pub blkg_blkcg: u32,
    /// `blkcg.css`, or [`ABSENT`](crate::ABSENT) as above
    pub blkcg_css: u32,
    /// `css_set.subsys[io_cgrp_id]`, or [`ABSENT`](crate::ABSENT) as above
    pub css_set_io: u32,
    /// `REQ_OP_WRITE`
    pub write: u32,
    /// `REQ_OP_FLUSH`
    pub flush: u32,
    /// Entries of the map of requests.
    pub request_cells: u32,
    /// 1 when requests are followed from insert to completion; else only their ends are counted.
    pub durations: u32,
    /// 1 when series keep the device.
    pub keep_device: u32,
    /// 1 when series keep the operation.
    pub keep_operation: u32,
    /// 1 when series keep the cgroup.
    pub keep_cgroup: u32,
}

// SAFETY: `u32`s.
unsafe impl crate::Plain for BlockFields {}
