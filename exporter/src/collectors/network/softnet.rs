//! What soft interrupts did for the network, as the kernel counts it: per CPU that is online, whatever namespace one looks
//! from.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result};

use super::metrics::{SOFTNET_DROPS, SOFTNET_PACKETS, SOFTNET_SQUEEZES};
use crate::{
    catalogue::Metric,
    collectors::Books,
    entities::{ledger::Claim, widen::Counter32},
    snapshot::Labels,
};

/// One line per online CPU, of hexadecimal numbers.
const PATH: &str = "/proc/net/softnet_stat";

/// What the first columns count. The kernel adds further ones at the end.
const COLUMNS: [&Metric; 3] = [&SOFTNET_PACKETS, &SOFTNET_DROPS, &SOFTNET_SQUEEZES];

/// The column with the CPU's number, where there is one (Linux 5.10 and later).
const CPU_COLUMN: usize = 12;

/// The last reading of each CPU, and the series of all together.
#[derive(Default)]
pub(super) struct Softnet {
    cursors: BTreeMap<u32, [Counter32; COLUMNS.len()]>,
    claims: Option<[Claim; COLUMNS.len()]>,
}

impl Softnet {
    /// Takes what has come since the last read; what was before the first one is not ours.
    pub(super) fn read(&mut self, books: &mut Books) -> Result<()> {
        let text = fs::read_to_string(PATH).with_context(|| format!("cannot read {PATH}"))?;
        let claims =
            self.claims.get_or_insert_with(|| COLUMNS.map(|metric| books.claim(metric, &Labels::new([]))));
        for (line, row) in (0..).zip(text.lines()) {
            let (cpu, values) =
                parse(line, row).with_context(|| format!("cannot make sense of {PATH}: {row:?}"))?;
            // A CPU that comes back goes on from where it was.
            let Some(cursors) = self.cursors.get_mut(&cpu) else {
                self.cursors.insert(cpu, values.map(Counter32::starting_at));
                continue;
            };
            for ((cursor, value), claim) in cursors.iter_mut().zip(values).zip(&*claims) {
                let by = books.increment(cursor.advance(value));
                books.count(claim, by);
            }
        }
        Ok(())
    }

    /// Gives the series up.
    pub(super) fn close(&mut self, books: &mut Books) {
        books.bequeath(None, self.claims.take().into_iter().flatten());
    }
}

/// The CPU of a line, which is the line's number where it doesn't say, and its first columns.
fn parse(line: u32, row: &str) -> Option<(u32, [u32; COLUMNS.len()])> {
    let mut words = row.split_whitespace();
    let mut values = [0; COLUMNS.len()];
    for value in &mut values {
        *value = number(words.next()?)?;
    }
    let cpu = words.nth(CPU_COLUMN - COLUMNS.len());
    Some((cpu.map_or(Some(line), number)?, values))
}

fn number(word: &str) -> Option<u32> {
    u32::from_str_radix(word, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_old_and_new_kernels() {
        let new = "00022991 00000001 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 \
                   00000000 0000001f 00000000 00000000";
        assert_eq!(parse(1, new), Some((31, [0x22991, 1, 2])));
        let old = "ffffffff 00000000 0000000a 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000";
        assert_eq!(parse(1, old), Some((1, [u32::MAX, 0, 10])));
        for malformed in ["", "00000001 00000002", "x 0 0", "0 0 100000000"] {
            assert_eq!(parse(0, malformed), None, "{malformed}");
        }
    }
}
