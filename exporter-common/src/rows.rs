//! Rows: the map layout of collectors whose metrics are counters and histograms of durations, each told apart by a
//! cgroup and one attribute.
//!
//! There are two tables, one of counters and one of histograms, of the same form: a hash leads from a [`RowKey`] to a
//! row's number, flat arrays hold owners and values. Numbers are given out as in [`crate::slots`], but for the first
//! ones:
//!
//! ```text
//!   0                    nobody's: what it holds is a defect
//!   1 .. FIRST_FIXED     by number of series: what found no row of its own, so that totals stay exact
//!   FIRST_FIXED ..       fixed rows, one block of them per shard: programs calculate their numbers, without a lookup
//!   then                 rows for tenants, from the queue of free ones
//! ```

use crate::{Plain, program::ProgramRuns, slots::SlotFailures};

/// What a row is counted under.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct RowKey {
    /// The cgroup's id; 0 where cgroups are not told apart.
    pub cgroup: u64,
    /// Which metric of the collector, from 1. An owner with the number 0 is nobody.
    pub series: u32,
    /// What was done, by a number that has a meaning for this metric.
    pub attribute: u32,
}

// SAFETY: `repr(C)`, no padding.
unsafe impl Plain for RowKey {}

/// The number of the first fixed row; all numbers of series are below it.
pub const FIRST_FIXED: u32 = 32;

/// Most programs of a hook family with rows.
pub const ROWS_PROGRAMS: usize = 24;

/// Most things that a hook family with rows takes note of.
pub const ROWS_NOTES: usize = 16;

/// What one CPU keeps for itself. Programs on one CPU may interrupt each other.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RowsCpu {
    /// Durations beyond the last bucket.
    pub clamped: u64,
    /// Failures of the table of counters.
    pub counters: SlotFailures,
    /// Failures of the table of histograms.
    pub histograms: SlotFailures,
    /// What the collector counts for `kernel_exporter_failures_total`, by numbers of its own.
    pub notes: [u64; ROWS_NOTES],
    /// Indexed by the program's number.
    pub programs: [ProgramRuns; ROWS_PROGRAMS],
    /// For what a collector remembers on this CPU, by numbers of its own.
    pub memory: [u64; ROWS_MEMORY],
}

/// Words that a hook family with rows can remember per CPU.
pub const ROWS_MEMORY: usize = 32;

// SAFETY: `repr(C)`, only `u64`s.
unsafe impl Plain for RowsCpu {}

/// How rows are used, set by user space before the object is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct RowsFields {
    /// 1 when cgroups are told apart.
    pub keep_cgroup: u32,
    /// 1 when durations are measured; else only counters are kept.
    pub durations: u32,
    /// Blocks of fixed rows less one; a power of two less one, and below the number of CPUs.
    pub shard_mask: u32,
    /// Fixed rows of counters in a block.
    pub fixed_counters: u32,
    /// Fixed rows of histograms in a block.
    pub fixed_histograms: u32,
    /// 1 when no two CPUs share a block.
    pub block_per_cpu: u32,
}

// SAFETY: `u32`s.
unsafe impl Plain for RowsFields {}
