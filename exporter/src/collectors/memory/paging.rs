//! What the kernel counts for the whole machine: page faults, and pages swapped in and out.

use std::fs;

use anyhow::{Context as _, Result};

use super::metrics::{FAULTS, OPERATIONS};
use crate::{
    catalogue::{Key, Metric, keys},
    collectors::Books,
    entities::{ledger::Claim, widen::Counter64},
    snapshot::Labels,
};

const VMSTAT: &str = "/proc/vmstat";

/// Metric, label, its value, and how it is calculated.
type Series = (&'static Metric, &'static Key, &'static str, fn(&VmStat) -> u64);

const SERIES: [Series; 4] = [
    (&FAULTS, &keys::PAGING_FAULT_TYPE, "major", |stat| stat.major_faults),
    // A fault is counted before it is known to be a major one.
    (&FAULTS, &keys::PAGING_FAULT_TYPE, "minor", |stat| stat.faults.wrapping_sub(stat.major_faults)),
    (&OPERATIONS, &keys::PAGING_DIRECTION, "in", |stat| stat.swapped_in),
    (&OPERATIONS, &keys::PAGING_DIRECTION, "out", |stat| stat.swapped_out),
];

/// Totals since the machine was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct VmStat {
    faults: u64,
    major_faults: u64,
    swapped_in: u64,
    swapped_out: u64,
}

impl VmStat {
    fn read() -> Result<Self> {
        let text = fs::read_to_string(VMSTAT).with_context(|| format!("cannot read {VMSTAT}"))?;
        Self::parse(&text).with_context(|| format!("{VMSTAT} lacks page faults"))
    }

    /// Kernels without swap have no lines about it, and nothing is swapped.
    fn parse(text: &str) -> Option<Self> {
        let mut stat = Self::default();
        let (mut faults, mut major_faults) = (None, None);
        for (name, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            let Ok(value) = value.parse() else { continue };
            match name {
                "pgfault" => faults = Some(value),
                "pgmajfault" => major_faults = Some(value),
                "pswpin" => stat.swapped_in = value,
                "pswpout" => stat.swapped_out = value,
                _ => {}
            }
        }
        Some(Self { faults: faults?, major_faults: major_faults?, ..stat })
    }
}

/// The state between two reads.
pub(super) struct Paging {
    cursors: [Counter64; SERIES.len()],
    claims: Vec<Claim>,
}

impl Paging {
    /// Counts from now on.
    pub(super) fn begin() -> Result<Self> {
        let stat = VmStat::read()?;
        Ok(Self {
            cursors: SERIES.map(|(.., value)| Counter64::starting_at(value(&stat))),
            claims: Vec::new(),
        })
    }

    /// Enters what has come since the last read.
    pub(super) fn read(&mut self, books: &mut Books) -> Result<()> {
        let stat = VmStat::read()?;
        if self.claims.is_empty() {
            let claim = |(metric, key, value, _): Series| books.claim(metric, &Labels::new([(key, value)]));
            self.claims = SERIES.map(claim).into();
        }
        for (((.., value), cursor), claim) in SERIES.iter().zip(&mut self.cursors).zip(&self.claims) {
            let by = books.increment(cursor.advance(value(&stat)));
            books.count(claim, by);
        }
        Ok(())
    }

    /// Bequeaths all claims.
    pub(super) fn close(&mut self, books: &mut Books) {
        books.bequeath(None, self.claims.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_whole_name() {
        let text =
            "pgmajfault_x 9\npgfault 12\npgmajfault 2\npgfault_s 4\npswpin 3\npswpout 4\nnr_unstable 0\n";
        let stat = VmStat { faults: 12, major_faults: 2, swapped_in: 3, swapped_out: 4 };
        assert_eq!(VmStat::parse(text), Some(stat));
        let without_swap = VmStat { swapped_in: 0, swapped_out: 0, ..stat };
        assert_eq!(VmStat::parse("pgfault 12\npgmajfault 2\n"), Some(without_swap));
        assert_eq!(VmStat::parse("pgfault 12\n"), None);
    }

    #[test]
    fn this_machine_has_it() {
        assert!(VmStat::read().expect("procfs").faults > 0);
    }
}
