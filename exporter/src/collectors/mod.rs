//! The collectors: one folder each, with metric definitions and the way from map values to increments.
//!
//! Collectors that hang on the same hooks share a hook family ([`crate::hooks`]), which is what is attached,
//! read and said to be up or down.

pub mod block_io;
pub mod filesystem;
pub mod interrupts;
pub mod lifecycle;
pub mod memory;
pub mod network;
pub mod process;
pub mod registry;
pub mod rows;
pub mod scheduler;
pub mod stalls;
pub mod syscalls;
pub mod tcp;

mod block;
mod cgroup;
mod sched;

pub use cgroup::cgroup_account;

use block::BlockFamily;
use sched::SchedFamily;

use std::collections::HashMap;

use anyhow::Result;
use exporter_common::program::{ProgramRuns, TIMED_EVERY};

use crate::{
    catalogue::Metric,
    config::Config,
    entities::{
        identity::Identities,
        ledger::{Claim, Ledger, Now},
        widen::Behind,
    },
    hooks::rung::Choice,
    kernel::bpf::ProgramInfo,
    snapshot::{HistogramDelta, Labels},
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
    /// Nothing is entered: what is read now was counted by the family that this one takes over from.
    pub closed: bool,
    /// See [`bequeath`](Self::bequeath).
    heirlooms: Vec<(Option<u64>, Claim)>,
}

impl Books {
    /// With nothing read yet.
    pub fn new(ledger: Ledger) -> Self {
        Self { ledger, now: Now::read(), backward_values: 0, closed: false, heirlooms: Vec::new() }
    }

    /// Keeps the series of a family that is read no more, for the one that takes over from it: what is idle will be
    /// met by that one only when it does something again, and its series must not end in between.
    pub fn bequeath(&mut self, cgroup: Option<u64>, claims: impl IntoIterator<Item = Claim>) {
        self.heirlooms.extend(claims.into_iter().map(|claim| (cgroup, claim)));
    }

    /// Gives bequeathed claims back, but for those that are to be kept, by their cgroup and metric.
    pub fn give_up_heirlooms(&mut self, keep: impl Fn(Option<u64>, &'static Metric) -> bool) {
        let Self { ledger, now, heirlooms, .. } = self;
        let gone = heirlooms.extract_if(.., |(cgroup, claim)| !keep(*cgroup, ledger.metric(claim)));
        for (_, claim) in gone.collect::<Vec<_>>() {
            ledger.release(claim, *now);
        }
    }

    /// Who has part in which series, of those that were bequeathed.
    pub fn heirs(&self) -> HashMap<(&'static Metric, Labels), Vec<u64>> {
        let mut heirs: HashMap<_, Vec<u64>> = HashMap::new();
        for (cgroup, claim) in &self.heirlooms {
            let series = (self.ledger.metric(claim), self.ledger.labels(claim).clone());
            heirs.entry(series).or_default().extend(cgroup);
        }
        heirs
    }

    /// A claim that begins with this read.
    pub fn claim(&mut self, metric: &'static Metric, labels: &Labels) -> Claim {
        self.ledger.claim(metric, labels, self.now)
    }

    /// Gives a claim back with this read.
    pub fn release(&mut self, claim: Claim) {
        self.ledger.release(claim, self.now);
    }

    /// Adds to a counter; see [`Ledger::count`].
    pub fn count(&mut self, claim: &Claim, by: u64) {
        if !self.closed {
            self.ledger.count(claim, by);
        }
    }

    /// Adds to a histogram; see [`Ledger::observe`].
    pub fn observe(&mut self, claim: &Claim, delta: &HistogramDelta) {
        if !self.closed {
            self.ledger.observe(claim, delta);
        }
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

    /// How it is attached.
    fn choice(&self) -> &Choice;

    /// Whether the programs and maps that it has will do for this config.
    fn serves(&self, config: &Config) -> bool;

    /// Does as this config says from now on, which it [serves](Self::serves).
    fn adopt(&mut self, config: &Config);

    /// Reads everything that was counted since the last read into the ledger.
    fn read(&mut self, world: &mut World) -> Result<()>;

    /// Gives all its claims back or bequeaths them; it is not read again.
    fn close(&mut self, world: &mut World);

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
    /// Nanoseconds of CPU time that reading has taken, by the collector that reads.
    pub reads: Vec<(&'static str, u64)>,
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
    /// The collector whose cost it is; empty when it is no collector's.
    pub collector: &'static str,
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
    /// Of a program on the typed tracepoint of the same name, as all are: from what it noted itself, and what the kernel
    /// knows.
    pub fn new(name: &'static str, collector: &'static str, runs: ProgramRuns, info: &ProgramInfo) -> Self {
        Self {
            name,
            collector,
            hook: name,
            rung: "tp_btf",
            runs: runs.runs,
            misses: info.recursion_misses,
            // Each timed run stands for those since the one before it. The mean of all of them, times all
            // runs, would go back whenever the mean falls faster than runs are added.
            sampled_ns: runs.timed_ns as f64 * TIMED_EVERY as f64,
            kernel_ns: info.run_time_ns,
        }
    }
}
