//! Requests that devices have: what the programs counted, and what was there before them.

use std::sync::Arc;

use exporter_common::block_io::{BlockDevice, DISK_NAME_LEN};
use rustc_hash::FxHashMap;

use super::{disk_name, disks::Disks};

/// A device and the requests that it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// As in [`BlockKey::device`](exporter_common::block_io::BlockKey::device).
    pub number: u32,
    /// The kernel's name of it.
    pub name: Arc<str>,
    /// Requests that it has, or `None` when the device is gone: this is the last that is heard of it.
    pub in_flight: Option<u64>,
}

/// What is known of devices.
#[derive(Default)]
pub(super) struct InFlight {
    devices: FxHashMap<u32, Known>,
}

struct Known {
    kernel_name: [u8; DISK_NAME_LEN],
    name: Arc<str>,
    /// Requests that the device was given before they were counted.
    seed: u64,
}

impl InFlight {
    /// What devices had when counting began. All of them are one when series don't keep the device.
    pub(super) fn at_start(disks: &Disks, keep_device: bool) -> Self {
        let mut start = Self::default();
        for (number, name, requests) in disks.busy() {
            let (number, name) = if keep_device { (number, name) } else { (0, [0; DISK_NAME_LEN]) };
            start.known(number, &name).seed += requests;
        }
        start
    }

    fn known(&mut self, number: u32, kernel_name: &[u8; DISK_NAME_LEN]) -> &mut Known {
        self.devices.entry(number).or_insert_with(|| Known {
            kernel_name: *kernel_name,
            name: disk_name(number, kernel_name).into(),
            seed: 0,
        })
    }

    /// The name of a device that has been seen.
    pub(super) fn name(&self, number: u32) -> Option<Arc<str>> {
        self.devices.get(&number).map(|known| known.name.clone())
    }

    /// All devices with what they have, given what was counted.
    pub(super) fn read(&mut self, counted: &[(u32, BlockDevice)], disks: &mut Disks) -> Vec<Device> {
        for (number, device) in counted {
            self.known(*number, &device.disk_name);
        }
        let mut requests = FxHashMap::<u32, i64>::default();
        for (number, device) in counted {
            *requests.entry(*number).or_default() += device.started.wrapping_sub(device.ended).cast_signed();
        }
        let mut all = Vec::with_capacity(self.devices.len());
        self.devices.retain(|&number, known| {
            let gone = disks.is_gone(number, known.kernel_name);
            let counted = requests.get(&number).copied().unwrap_or(0);
            let in_flight = (!gone).then(|| {
                if known.seed > 0 {
                    known.seed = known.seed.min(before(in_sysfs(number, known, disks), counted));
                }
                total(counted, &mut known.seed)
            });
            all.push(Device { number, name: known.name.clone(), in_flight });
            !gone
        });
        all.sort_by_key(|device| device.number);
        all
    }
}

fn in_sysfs(number: u32, known: &Known, disks: &Disks) -> u64 {
    if number == 0 {
        disks.busy().iter().map(|(.., requests)| requests).sum()
    } else {
        disks.in_flight(&known.kernel_name)
    }
}

/// Requests that the kernel shows and the programs have not counted: they are older.
fn before(in_sysfs: u64, counted: i64) -> u64 {
    in_sysfs.saturating_add_signed(counted.saturating_neg())
}

/// Requests in all. When more have ended than were started, those were older and not known.
fn total(counted: i64, seed: &mut u64) -> u64 {
    if counted < 0 {
        *seed = (*seed).max(counted.unsigned_abs());
    }
    seed.saturating_add_signed(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_requests_are_what_the_kernel_shows_beyond_the_counted_ones() {
        assert_eq!(before(5, 2), 3);
        assert_eq!(before(2, 5), 0);
        assert_eq!(before(1, -1), 2, "an old one has ended and was counted");
    }

    #[test]
    fn the_total_is_never_negative() {
        let mut seed = 3;
        assert_eq!(total(2, &mut seed), 5);
        assert_eq!(total(-1, &mut seed), 2);
        assert_eq!(total(-4, &mut seed), 0);
        assert_eq!(seed, 4, "there was one more than was known");
        assert_eq!(total(-3, &mut seed), 1);
    }
}
