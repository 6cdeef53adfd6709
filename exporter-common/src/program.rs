//! What every BPF program tells about itself, without the privilege that the kernel's own run-time
//! statistics need.

/// One in this many runs is timed (a power of two).
pub const TIMED_EVERY: u64 = 1024;

/// One program's account on one CPU. All fields only grow.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct ProgramRuns {
    /// Times the program ran.
    pub runs: u64,
    /// Times it was timed: one run in [`TIMED_EVERY`].
    pub timed_runs: u64,
    /// Nanoseconds spent in the timed runs, from the program's first clock reading to its last.
    pub timed_ns: u64,
}

// SAFETY: three `u64`s.
unsafe impl crate::Plain for ProgramRuns {}

impl core::ops::AddAssign for ProgramRuns {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.timed_runs += other.timed_runs;
        self.timed_ns += other.timed_ns;
    }
}
