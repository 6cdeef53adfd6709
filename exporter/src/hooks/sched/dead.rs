//! The map of dead processes, and when it must be read again.
//!
//! It has places for thousands, so even a walk over the empty ones takes longer than the rest of a small
//! machine's read, and between two scrapes of such a machine often nobody dies. Programs count the deaths
//! after they have put one into the map.

use anyhow::Result;
use exporter_common::process::{DeadThreads, ProcessKey};

/// The map as it was last read.
#[derive(Default)]
pub(super) struct DeadProcesses {
    entries: Vec<(ProcessKey, DeadThreads)>,
    /// Deaths before the last two readings of their number. One that was seen is not enough: on some machines
    /// another CPU may see the number before it sees the values.
    deaths: [Option<u64>; 2],
}

impl DeadProcesses {
    /// What the map holds when so many have died: `all`, unless that is known.
    pub(super) fn read(
        &mut self,
        deaths: u64,
        all: impl FnOnce() -> Result<Vec<(ProcessKey, DeadThreads)>>,
    ) -> Result<&[(ProcessKey, DeadThreads)]> {
        if self.deaths != [Some(deaths); 2] {
            let [_, last] = std::mem::take(&mut self.deaths);
            self.entries = all()?;
            self.deaths = [last, Some(deaths)];
        }
        Ok(&self.entries)
    }

    /// What is known is not what the map holds any more.
    pub(super) fn forget(&mut self) {
        self.deaths = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(threads: u64) -> Vec<(ProcessKey, DeadThreads)> {
        let key = ProcessKey { leader_start: 1, tgid: 1, reserved: 0 };
        vec![(key, DeadThreads { threads, ..DeadThreads::default() })]
    }

    fn threads(known: &mut DeadProcesses, deaths: u64, in_map: u64) -> u64 {
        known.read(deaths, || Ok(dead(in_map))).expect("read")[0].1.threads
    }

    #[test]
    fn the_map_is_read_until_two_readings_agree() {
        let mut known = DeadProcesses::default();
        assert_eq!(threads(&mut known, 5, 1), 1);
        assert_eq!(threads(&mut known, 5, 2), 2, "the values came after the number");
        assert_eq!(threads(&mut known, 5, 3), 2, "nobody has died");
        assert_eq!(threads(&mut known, 6, 4), 4);
        assert_eq!(threads(&mut known, 6, 5), 5);
        known.forget();
        assert_eq!(threads(&mut known, 6, 6), 6);
    }

    #[test]
    fn what_could_not_be_read_is_read_again() {
        let mut known = DeadProcesses::default();
        threads(&mut known, 5, 1);
        assert!(known.read(6, || anyhow::bail!("the kernel refuses")).is_err());
        assert_eq!(threads(&mut known, 6, 2), 2);
        assert_eq!(threads(&mut known, 6, 3), 3);
    }
}
