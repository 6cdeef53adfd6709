//! Mounts: their numbers for programs, and where the host has them.
//!
//! A file system can be mounted at several places, and each container has a view of its own. So a mount is a file system, by
//! its device number, and is called by the place where the host has the whole of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::fd::BorrowedFd,
};

use anyhow::{Context as _, Result};
use exporter_common::filesystem::place::{MOUNT_BITS, OTHER_MOUNT};

use crate::{catalogue::keys, kernel::bpf, snapshot::text};

/// The mounts of the host's first process, which the exporter's own are where it cannot see that one.
const LISTS: [&str; 2] = ["/proc/1/mountinfo", "/proc/self/mountinfo"];

/// Most mounts that are told apart.
pub(super) const MOUNTS: u32 = (1 << MOUNT_BITS) - 1;

/// Reads for which the number of a mount that is gone rests: rows go when it is gone, and are free two reads later.
const REST: u32 = 4;

/// A mount with a number.
struct Mount {
    number: u32,
    point: String,
    /// 0 while it is there; else how many reads ago it went.
    gone: u32,
}

/// What is known of mounts.
#[derive(Default)]
pub(super) struct Mounts {
    /// By device number. Of one that is gone and the one that came in its place, both are here.
    mounts: BTreeMap<u32, Vec<Mount>>,
}

impl Mounts {
    /// Tells programs of mounts that have come and gone.
    pub(super) fn tell(&mut self, map: BorrowedFd<'_>) -> Result<()> {
        let list =
            LISTS.iter().find_map(|path| fs::read(path).ok()).context("cannot read the list of mounts")?;
        let (gone, come) = self.update(&points(&list));
        for device in gone {
            bpf::delete(map, &device).context("cannot tell programs that a mount is gone")?;
        }
        for (device, number) in come {
            bpf::insert_new(map, &device, &number).context("cannot tell programs a mount")?;
        }
        Ok(())
    }

    /// Goes on to what is mounted now: the devices of those that have gone, and devices and numbers of those that have come.
    fn update(&mut self, points: &BTreeMap<u32, String>) -> (Vec<u32>, Vec<(u32, u32)>) {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for (device, mounts) in &mut self.mounts {
            for mount in mounts.iter_mut() {
                if mount.gone == 0 && points.get(device) == Some(&mount.point) {
                    continue;
                }
                if mount.gone == 0 {
                    gone.push(*device);
                }
                mount.gone += 1;
            }
            mounts.retain(|mount| mount.gone <= REST);
        }
        self.mounts.retain(|_, mounts| !mounts.is_empty());
        let taken: BTreeSet<_> = self.mounts.values().flatten().map(|mount| mount.number).collect();
        let mut free = (OTHER_MOUNT + 1..=MOUNTS).filter(|number| !taken.contains(number));
        for (device, point) in points {
            let mounts = self.mounts.entry(*device).or_default();
            if mounts.iter().any(|mount| mount.gone == 0) {
                continue;
            }
            let Some(number) = free.next() else { break };
            mounts.push(Mount { number, point: point.clone(), gone: 0 });
            come.push((*device, number));
        }
        (gone, come)
    }

    /// Whether a mount has gone that had this number.
    pub(super) fn is_gone(&self, number: u32) -> bool {
        self.mounts.values().flatten().any(|mount| mount.number == number && mount.gone > 0)
    }

    /// Where the mount with this number is.
    pub(super) fn point(&self, number: u32) -> &str {
        let mount = self.mounts.values().flatten().find(|mount| mount.number == number);
        mount.map_or(keys::MOUNTPOINT.fold.stand_in(), |mount| &mount.point)
    }
}

/// Where each file system of a list of mounts is, by its device number: where the whole of it is, if it is anywhere, and of
/// several places the shortest.
fn points(list: &[u8]) -> BTreeMap<u32, String> {
    let mut best: BTreeMap<u32, (bool, usize, Vec<u8>)> = BTreeMap::new();
    for line in list.split(|byte| *byte == b'\n') {
        let Some((device, root, point)) = fields(line) else { continue };
        let candidate = (root != b"/", point.len(), point);
        match best.entry(device) {
            std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(candidate)),
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                if candidate < *entry.get() {
                    entry.insert(candidate);
                }
            }
        }
    }
    best.into_iter().map(|(device, (_, _, point))| (device, text(&point))).collect()
}

/// Device number, root and mount point of a line; see proc_pid_mountinfo(5).
fn fields(line: &[u8]) -> Option<(u32, &[u8], Vec<u8>)> {
    let mut fields = line.split(|byte| *byte == b' ').skip(2);
    let (major, minor) = std::str::from_utf8(fields.next()?).ok()?.split_once(':')?;
    let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    // `MKDEV` (include/linux/kdev_t.h)
    let device = major.checked_mul(1 << 20)?.checked_add(minor)?;
    Some((device, fields.next()?, unescaped(fields.next()?)))
}

/// Spaces, tabs, newlines and backslashes are written as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let digits = tail.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(u8::is_ascii_digit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => bytes.push(*first),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_where_the_whole_of_it_is() {
        let list = b"\
            22 27 0:21 / /proc rw,nosuid shared:13 - proc proc rw\n\
            27 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n\
            30 27 8:17 /sub /a rw - ext4 /dev/sdb1 rw\n\
            31 27 8:17 / /longer\\040name\\134 rw - ext4 /dev/sdb1 rw\n\
            32 27 8:17 / /srv/longest/name/of/them rw - ext4 /dev/sdb1 rw\n\
            33 27 0:99 / /\xff\n\
            nonsense\n";
        let of = |major: u32, minor: u32| major << 20 | minor;
        let expected =
            [(of(0, 21), "/proc"), (of(0, 99), "/\\xff"), (of(8, 2), "/"), (of(8, 17), "/longer name\\")];
        let expected: BTreeMap<_, _> = expected.map(|(device, point)| (device, point.to_owned())).into();
        assert_eq!(points(list), expected);
    }

    #[test]
    fn a_number_rests_before_another_mount_gets_it() {
        let at = |mounts: &[(u32, &str)]| {
            mounts.iter().map(|(device, point)| (*device, (*point).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let mut mounts = Mounts::default();
        assert_eq!(mounts.update(&at(&[(7, "/a"), (9, "/b")])), (vec![], vec![(7, 1), (9, 2)]));
        assert_eq!(mounts.update(&at(&[(7, "/a"), (9, "/b")])), (vec![], vec![]));
        assert_eq!((mounts.point(1), mounts.point(2), mounts.point(3)), ("/a", "/b", "(all other mounts)"));
        // The device number comes back elsewhere.
        assert_eq!(mounts.update(&at(&[(7, "/c")])), (vec![7, 9], vec![(7, 3)]));
        assert!(mounts.is_gone(1) && mounts.is_gone(2) && !mounts.is_gone(3));
        assert_eq!((mounts.point(1), mounts.point(3)), ("/a", "/c"));
        for _ in 1..REST {
            assert!(mounts.update(&at(&[(7, "/c"), (8, "/d")])).0.is_empty());
        }
        assert_eq!(mounts.point(4), "/d");
        assert_eq!(mounts.update(&at(&[(7, "/c"), (8, "/d"), (5, "/e")])), (vec![], vec![(5, 1)]));
    }

    #[test]
    fn mounts_beyond_the_last_number_share_one() {
        let many: BTreeMap<_, _> = (0..5000).map(|device| (device, format!("/{device}"))).collect();
        let mut mounts = Mounts::default();
        assert_eq!(mounts.update(&many).1.len(), MOUNTS as usize);
        assert_eq!(mounts.update(&many), (vec![], vec![]));
    }
}
