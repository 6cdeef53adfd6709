//! The collectors: one folder each, with metric definitions and the way from map values to increments.
//!
//! Collectors that hang on the same hooks share a hook family ([`crate::hooks`]), which is what is attached,
//! read and said to be up or down.

pub mod block_io;
pub mod process;
pub mod registry;
pub mod scheduler;

mod block;
mod cgroup;
mod sched;

pub use cgroup::cgroup_account;

use block::BlockFamily;
use sched::SchedFamily;

use anyhow::Result;
use exporter_common::program::{ProgramRuns, TIMED_EVERY};

use crate::{
    catalogue::Metric,
    entities::{
        identity::Identities,
        ledger::{Claim, Ledger, Now},
        widen::Behind,
    },
    kernel::bpf::ProgramInfo,
    snapshot::Labels,
};

/// What a collector is, for `list`, the reference and the landing page.
#[derive(Debug)]
pub struct Description {
    /// The name in the config.
    pub name: &'static str,
    /// What it tells, in a sentence or two.
    pub about: &'static str,
    /// Its metrics.
    pub metrics: &'static [&'static Metric],
}

/// What collectors work with during a read.
pub struct World {
    /// Where increments go.
    pub books: Books,
    /// Who did it.
    pub identities: Identities,
}

/// Where a read's increments go.
pub struct Books {
    /// All series.
    pub ledger: Ledger,
    /// When this read began.
    pub now: Now,
    /// Values that went back for longer than a race between reading and writing can last; must stay 0.
    pub backward_values: u64,
}

impl Books {
    /// A claim that begins with this read.
    pub fn claim(&mut self, metric: &'static Metric, labels: &Labels) -> Claim {
        self.ledger.claim(metric, labels, self.now)
    }

    /// Gives a claim back with this read.
    pub fn release(&mut self, claim: Claim) {
        self.ledger.release(claim, self.now);
    }

    /// The increment of an advanced cursor. A value that is behind gives none; the next read catches up.
    pub fn increment(&mut self, advanced: Result<u64, Behind>) -> u64 {
        advanced.unwrap_or_else(|behind| {
            self.note(behind);
            0
        })
    }

    /// Notes a value that is behind.
    pub fn note(&mut self, behind: Behind) {
        if behind == Behind::Defect {
            self.backward_values += 1;
        }
    }
}

/// One hook family with the collectors that hang on it.
pub trait Family: Send {
    /// Names of the collectors that are on.
    fn collectors(&self) -> Vec<&'static str>;

    /// Reads everything that was counted since the last read into the ledger.
    fn read(&mut self, world: &mut World) -> Result<()>;

    /// What the family tells about itself.
    fn account(&self) -> Account;
}

/// What a hook family tells about itself. All numbers are totals since it was attached, but for sizes.
#[derive(Debug, Default)]
pub struct Account {
    /// Name of the family.
    pub family: &'static str,
    /// Its programs.
    pub programs: Vec<ProgramAccount>,
    /// Name and bytes of its maps.
    pub maps: Vec<(String, u64)>,
    /// Slots in use, and all there are, where the family has any.
    pub slots: Option<(usize, usize)>,
    /// What could not be done as planned, by a name from a closed list. Nothing of this is lost from totals.
    pub failures: Vec<(&'static str, u64)>,
}

/// What is known about one program.
#[derive(Debug)]
pub struct ProgramAccount {
    /// Its name.
    pub name: &'static str,
    /// What it hangs on.
    pub hook: &'static str,
    /// How it is attached.
    pub rung: &'static str,
    /// Times it ran.
    pub runs: u64,
    /// Runs that the kernel skipped because the program interrupted itself; `None` where it doesn't say.
    pub misses: Option<u64>,
    /// Nanoseconds it is estimated to have taken, from one timed run in 1,024, without the way in and out.
    pub sampled_ns: f64,
    /// Nanoseconds that the kernel has measured while its statistics were on.
    pub kernel_ns: u64,
}

impl ProgramAccount {
    /// From what the program noted itself, and what the kernel knows.
    pub fn new(
        name: &'static str,
        hook: &'static str,
        rung: &'static str,
        runs: ProgramRuns,
        info: &ProgramInfo,
    ) -> Self {
        Self {
            name,
            hook,
            rung,
            runs: runs.runs,
            misses: info.recursion_misses,
            // Each timed run stands for those since the one before it. The mean of all of them, times all
            // runs, would go back whenever the mean falls faster than runs are added.
            sampled_ns: runs.timed_ns as f64 * TIMED_EVERY as f64,
            kernel_ns: info.run_time_ns,
        }
    }
}
