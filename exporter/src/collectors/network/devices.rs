//! What network devices carried, as the kernel counts it: from the file that lists those of the host.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};

use super::metrics::{DEVICE_DROPS, ERRORS, IO, PACKETS};
use crate::{
    catalogue::{Metric, keys},
    collectors::Books,
    entities::ledger::Claim,
    kernel::host,
    snapshot::{self, Labels},
};

/// The inode number of the first pid namespace (`PROC_PID_INIT_INO`, include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// What is read of each direction, by the column in which it is.
const COLUMNS: [(&Metric, usize); 4] = [(&IO, 0), (&PACKETS, 1), (&ERRORS, 2), (&DEVICE_DROPS, 3)];

/// The directions, by their first column.
const DIRECTIONS: [(&str, usize); 2] = [("receive", 0), ("transmit", 8)];

/// Numbers that are read of a device.
const VALUES: usize = COLUMNS.len() * DIRECTIONS.len();

/// Those which are numbers of packets.
const PACKETS_AT: [usize; 2] = [1, 1 + COLUMNS.len()];

/// The file that lists the host's devices; `None` when this process can only see those of a network namespace that
/// somebody has made.
pub(super) fn of_host() -> Option<&'static str> {
    // What belongs to all namespaces can be set in the first one only.
    if Path::new("/proc/sys/net/core/netdev_budget").exists() {
        return Some("/proc/net/dev");
    }
    let sees_host = host::namespace("pid") == Some(FIRST_PID_NAMESPACE);
    (sees_host && fs::read("/proc/1/net/dev").is_ok()).then_some("/proc/1/net/dev")
}

/// The devices.
pub(super) struct Devices {
    path: &'static str,
    /// How many have series of their own.
    most: usize,
    devices: BTreeMap<String, Device>,
    /// Nothing was read yet: what is there now was before us.
    is_first: bool,
}

struct Device {
    last: [u64; VALUES],
    claims: [Claim; VALUES],
    has_name: bool,
    is_there: bool,
}

impl Devices {
    /// From this file, with so many told apart.
    pub(super) fn new(path: &'static str, most: u32) -> Self {
        Self { path, most: most as usize, devices: BTreeMap::new(), is_first: true }
    }

    /// Takes what has come since the last read; what was before the first one is not ours.
    pub(super) fn read(&mut self, books: &mut Books) -> Result<()> {
        let Self { path, .. } = *self;
        let bytes = fs::read(path).with_context(|| format!("cannot read {path}"))?;
        let parsed = bytes.split(|byte| *byte == b'\n').skip(2).filter(|line| !line.is_empty()).map(|line| {
            let line = snapshot::text(line);
            parse(&line).with_context(|| format!("cannot make sense of {path}: {line:?}"))
        });
        let now = parsed.collect::<Result<Vec<_>>>()?;
        self.take(now, books);
        Ok(())
    }

    fn take(&mut self, now: Vec<(String, [u64; VALUES])>, books: &mut Books) {
        self.devices.values_mut().for_each(|device| device.is_there = false);
        for (name, _) in &now {
            if let Some(device) = self.devices.get_mut(name) {
                device.is_there = true;
            }
        }
        let gone = self.devices.extract_if(.., |_, device| !device.is_there);
        gone.flat_map(|(_, device)| device.claims).for_each(|claim| books.release(claim));
        let mut named = self.devices.values().filter(|device| device.has_name).count();
        for (name, values) in now {
            let device = self.devices.entry(name).or_insert_with_key(|name| {
                let has_name = named < self.most;
                named += usize::from(has_name);
                let last = if self.is_first { values } else { [0; VALUES] };
                Device { last, claims: claims(name, has_name, books), has_name, is_there: true }
            });
            for (by, claim) in increments(&mut device.last, values).into_iter().zip(&device.claims) {
                books.count(claim, by);
            }
        }
        self.is_first = false;
    }

    /// Gives all series up.
    pub(super) fn close(&mut self, books: &mut Books) {
        let devices = std::mem::take(&mut self.devices);
        books.bequeath(None, devices.into_values().flat_map(|device| device.claims));
    }
}

fn claims(name: &str, has_name: bool, books: &mut Books) -> [Claim; VALUES] {
    let name = if has_name { name } else { keys::NETWORK_INTERFACE.fold.stand_in() };
    std::array::from_fn(|at| {
        let (direction, _) = DIRECTIONS[at / COLUMNS.len()];
        let (metric, _) = COLUMNS[at % COLUMNS.len()];
        let labels = [(&keys::NETWORK_INTERFACE, name), (&keys::NETWORK_DIRECTION, direction)];
        books.claim(metric, &Labels::new(labels))
    })
}

/// What has come since the last reading.
///
/// A device that is made anew under the same name counts from zero, and so do some that are switched on again: then
/// nothing is above what it was, and of the packets less than half is left. A single number that goes back a little is a
/// driver's mistake: nothing has come then, until it is where it was.
fn increments(last: &mut [u64; VALUES], now: [u64; VALUES]) -> [u64; VALUES] {
    let packets =
        |values: &[u64; VALUES]| PACKETS_AT.iter().map(|at| values[*at]).fold(0, u64::saturating_add);
    let nothing_above = last.iter().zip(now).all(|(last, now)| now <= *last);
    if nothing_above && packets(&now) < packets(last).div_ceil(2) {
        *last = [0; VALUES];
    }
    std::array::from_fn(|at| {
        let by = now[at].saturating_sub(last[at]);
        last[at] = last[at].max(now[at]);
        by
    })
}

/// Name and numbers of a line.
fn parse(line: &str) -> Option<(String, [u64; VALUES])> {
    // A name has no colon (`dev_valid_name`, net/core/dev.c).
    let (name, numbers) = line.split_once(':')?;
    let numbers: Vec<u64> = numbers.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let mut values = [0; VALUES];
    for (at, value) in values.iter_mut().enumerate() {
        let (_, first) = DIRECTIONS[at / COLUMNS.len()];
        let (_, column) = COLUMNS[at % COLUMNS.len()];
        *value = *numbers.get(first + column)?;
    }
    Some((name.trim().to_owned(), values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let line = "  eth0: 1194340374   29636    1    2    3     4          5         6  1485568   17875    7    8    9 \
                    10      11          12";
        let values = [1_194_340_374, 29_636, 1, 2, 1_485_568, 17_875, 7, 8];
        assert_eq!(parse(line), Some(("eth0".to_owned(), values)));
        assert_eq!(
            parse("veth0:1 2 3 4 5 6 7 8 9 10 11 12"),
            Some(("veth0".to_owned(), [1, 2, 3, 4, 9, 10, 11, 12]))
        );
        for malformed in ["", "eth0", "eth0: 1 2 3", "eth0: 1 2 3 4 5 6 7 8 9 10 11 x"] {
            assert_eq!(parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn a_device_that_is_made_anew_counts_from_zero() {
        let mut last = [9000, 90, 0, 1, 500, 10, 0, 0];
        assert_eq!(increments(&mut last, [9100, 91, 0, 1, 500, 10, 0, 0]), [100, 1, 0, 0, 0, 0, 0, 0]);
        // Another one of this name.
        assert_eq!(increments(&mut last, [300, 3, 0, 0, 200, 4, 0, 0]), [300, 3, 0, 0, 200, 4, 0, 0]);
        // One that has done nothing yet.
        assert_eq!(increments(&mut last, [0; VALUES]), [0; VALUES]);
        assert_eq!(increments(&mut last, [10, 1, 0, 0, 0, 0, 0, 0]), [10, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_number_that_goes_back_a_little_is_waited_for() {
        let mut last = [9000, 90, 0, 1, 500, 10, 0, 0];
        assert_eq!(increments(&mut last, [8990, 90, 0, 1, 500, 10, 0, 0]), [0; VALUES]);
        assert_eq!(increments(&mut last, [8995, 91, 0, 1, 510, 11, 0, 0]), [0, 1, 0, 0, 10, 1, 0, 0]);
        assert_eq!(increments(&mut last, [9010, 92, 0, 1, 510, 11, 0, 0]), [10, 1, 0, 0, 0, 0, 0, 0]);
    }
}
