//! What the engine says about itself.

use tracing::{info, warn};

use crate::{
    budget::Shed,
    collectors::{Account, ProgramAccount},
    entities::{cgroups::CgroupStats, identity::IdentityStats, ledger::Stats},
    hooks::{self, rung::Choice},
    kernel::{bpf, btf::Btf},
    refusal::Refusal,
};

/// What the engine says about itself, as of the last read.
#[derive(Debug, Default)]
pub struct Report {
    /// Every collector, in the registry's order.
    pub collectors: Vec<CollectorState>,
    /// Every attached hook family.
    pub families: Vec<Account>,
    /// The ledger.
    pub ledger: Option<Stats>,
    /// Values that went back; must stay 0.
    pub backward_values: u64,
    /// What collectors have given up for the budget.
    pub shed: Shed,
    /// How the programs' time is told.
    pub run_time: RunTime,
    /// Reads of a family that failed, by its first collector.
    pub failed_reads: u64,
    /// The table of cgroups.
    pub cgroups: CgroupStats,
    /// Births and deaths of cgroups come as events.
    pub cgroup_events: bool,
    /// How many cgroups are known how well.
    pub identities: IdentityStats,
}

/// Whether a collector measures.
#[derive(Clone, Debug)]
pub struct CollectorState {
    /// Its name.
    pub name: &'static str,
    /// Why it doesn't, if it doesn't.
    pub refusal: Option<Refusal>,
    /// How it is attached, if it is.
    pub choice: Option<Choice>,
}

/// How the time that programs take is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RunTime {
    /// By the kernel's statistics, which were on when the exporter started.
    Kernel,
    /// By one timed run in 1,024, plus what the kernel takes to enter and to leave a program, in nanoseconds.
    Sampled {
        /// As measured at the start; zero where that was not possible.
        entry_ns: f64,
    },
}

impl Default for RunTime {
    fn default() -> Self {
        Self::Sampled { entry_ns: 0.0 }
    }
}

impl RunTime {
    /// Seconds that a program has taken.
    pub fn of(self, program: &ProgramAccount) -> f64 {
        let ns = match self {
            Self::Kernel => program.kernel_ns as f64,
            Self::Sampled { entry_ns } => program.sampled_ns + program.runs as f64 * entry_ns,
        };
        ns / 1e9
    }

    /// The best that there is here.
    pub(super) fn of_this_host(btf: &Btf) -> Self {
        if bpf::keeps_statistics() {
            return Self::Kernel;
        }
        let entry_ns = hooks::selftest::entry_cost_ns(btf).unwrap_or_else(|error| {
            warn!("the time that the kernel takes to enter a program is not known: {error:#}");
            0.0
        });
        info!(nanoseconds = entry_ns.round(), "the kernel's cost of entering a program");
        Self::Sampled { entry_ns }
    }
}
