//! What the kernel counts of listeners by network namespace only.

use std::fs;

use anyhow::{Context as _, Result};

use super::metrics::{HOST_DROPS, HOST_OVERFLOWS};
use crate::{
    catalogue::Metric,
    collectors::Books,
    entities::{ledger::Claim, widen::Counter64},
    snapshot::Labels,
};

const PATH: &str = "/proc/1/net/netstat";

/// What is read, by the kernel's names.
const COUNTERS: [(&str, &Metric); 2] = [("ListenOverflows", &HOST_OVERFLOWS), ("ListenDrops", &HOST_DROPS)];

/// The counters of process 1's network namespace.
pub(super) struct Host {
    counters: Vec<(&'static str, &'static Metric, Counter64, Option<Claim>)>,
}

impl Host {
    /// What has been counted until now is left out. Where the file cannot be read there is nothing to tell.
    pub(super) fn begin() -> Self {
        let text = fs::read_to_string(PATH).unwrap_or_default();
        let begin = |(name, metric)| Some((name, metric, Counter64::starting_at(value(&text, name)?), None));
        Self { counters: COUNTERS.into_iter().filter_map(begin).collect() }
    }

    /// Takes what has come.
    ///
    /// # Errors
    ///
    /// When the file could be read at the beginning, and no longer can.
    pub(super) fn read(&mut self, books: &mut Books) -> Result<()> {
        if self.counters.is_empty() {
            return Ok(());
        }
        let text = fs::read_to_string(PATH).with_context(|| format!("cannot read {PATH}"))?;
        for (name, metric, cursor, claim) in &mut self.counters {
            let Some(value) = value(&text, name) else { continue };
            let by = books.increment(cursor.advance(value));
            let claim = claim.get_or_insert_with(|| books.claim(metric, &Labels::default()));
            books.count(claim, by);
        }
        Ok(())
    }

    /// Bequeaths the claims.
    pub(super) fn close(&mut self, books: &mut Books) {
        let claims = self.counters.iter_mut().filter_map(|(.., claim)| claim.take());
        books.bequeath(None, claims.collect::<Vec<_>>());
    }
}

/// A value of the extensions: a line of names, and the next one of values.
fn value(netstat: &str, name: &str) -> Option<u64> {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut both = names.split_whitespace().zip(values.split_whitespace());
    both.find_map(|(found, value)| (found == name).then(|| value.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let text = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 333\nIpExt: InOctets\nIpExt: 5\n";
        assert_eq!(value(text, "ListenOverflows"), Some(22));
        assert_eq!(value(text, "ListenDrops"), Some(333));
        assert_eq!(value(text, "InOctets"), None, "of IP");
        assert_eq!(value("TcpExt: ListenDrops\n", "ListenDrops"), None, "cut off");
    }
}
