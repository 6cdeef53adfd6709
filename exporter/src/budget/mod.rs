//! What the exporter costs, and the limit that it keeps.
//!
//! The cost is the time of all BPF programs and of the exporter itself. When it is over the config's
//! `budget.cpu` for a whole `budget.window`, the collector that costs the most gives something up: first its
//! histograms, of which counters are left, then all. Once the cost is low enough, it tries again, later after
//! every time that this was too much.

mod governor;
mod shed;

pub use governor::{Governor, Move, Sample};
pub use shed::{Left, Shed};

use crate::{collectors::Account, engine::RunTime};

/// Seconds of CPU time since each family was attached.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Of a collector's BPF programs.
    pub programs: f64,
    /// Of reading its maps.
    pub reads: f64,
}

/// What each collector has cost, in the order in which they are met; programs that belong to no collector are
/// under an empty name.
pub fn costs(families: &[Account], run_time: RunTime) -> Vec<(&'static str, Cost)> {
    let mut all: Vec<(&'static str, Cost)> = Vec::new();
    let mut of = |collector: &'static str, add: &dyn Fn(&mut Cost)| {
        let place = all.iter().position(|(name, _)| *name == collector).unwrap_or_else(|| {
            all.push((collector, Cost::default()));
            all.len() - 1
        });
        add(&mut all[place].1);
    };
    for family in families {
        for program in &family.programs {
            of(program.collector, &|cost| cost.programs += run_time.of(program));
        }
        for (collector, ns) in &family.reads {
            of(collector, &|cost| cost.reads += *ns as f64 / 1e9);
        }
    }
    all
}
