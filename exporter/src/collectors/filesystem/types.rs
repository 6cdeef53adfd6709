//! Types of file systems: their numbers for programs, and their names.

use std::{collections::BTreeSet, fs, os::fd::BorrowedFd};

use anyhow::{Context as _, Result};
use exporter_common::filesystem::{
    TYPE_NAME, TypeName,
    place::{LEFT_OUT, OTHER_TYPE},
};
use rustc_hash::FxHashSet;

use crate::{catalogue::keys, config::FilesystemType, kernel::bpf, snapshot::text};

/// Where the kernel lists the types that it knows: those of modules as they come.
const LIST: &str = "/proc/filesystems";

/// Types that hold nobody's files: what is read and written there is an answer of the kernel's, or another task's.
#[rustfmt::skip]
static LEFT_OUT_TYPES: &[&str] = &[
    "anon_inodefs", "autofs", "bdev", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cpuset", "debugfs",
    "devpts", "devtmpfs", "efivarfs", "fusectl", "guest_memfd", "iommufs", "mqueue", "nfsd", "nsfs", "pidfs", "pipefs", "proc",
    "pstore", "resctrl", "rpc_pipefs", "secretmem", "securityfs", "selinuxfs", "smackfs", "sockfs", "sysfs", "tracefs",
    "usbfs", "xenfs", "zonefs_sysfs",
];

/// The type of the initial RAM disk, which the kernel does not list. It lists some of the others neither.
const INITIAL: &str = "rootfs";

/// What is known of types.
pub(super) struct Types {
    /// Only these, if there are any.
    wanted: BTreeSet<FilesystemType>,
    /// All that programs have been told of.
    told: FxHashSet<TypeName>,
    /// Names by the number, less one.
    names: Vec<String>,
}

impl Types {
    pub(super) fn new(wanted: &BTreeSet<FilesystemType>) -> Self {
        Self { wanted: wanted.clone(), told: FxHashSet::default(), names: Vec::new() }
    }

    /// The same with nobody told.
    pub(super) fn anew(&self) -> Self {
        Self::new(&self.wanted)
    }

    /// Tells programs of types that have come.
    pub(super) fn tell(&mut self, map: BorrowedFd<'_>) -> Result<()> {
        let list = fs::read(LIST).with_context(|| format!("cannot read {LIST}"))?;
        let not_listed = LEFT_OUT_TYPES.iter().chain([&INITIAL]).map(|name| name.as_bytes());
        for name in names(&list).chain(not_listed) {
            let key = key(name);
            if self.told.contains(&key) {
                continue;
            }
            let number = self.number(name);
            bpf::insert_new(map, &key, &number).context("cannot tell programs a type of file systems")?;
            self.told.insert(key);
        }
        Ok(())
    }

    fn number(&mut self, name: &[u8]) -> u32 {
        let name = text(name);
        let is_wanted = match self.wanted.is_empty() {
            true => !LEFT_OUT_TYPES.contains(&&*name),
            false => self.wanted.iter().any(|wanted| *wanted.as_str() == *name),
        };
        if !is_wanted {
            return LEFT_OUT;
        }
        let number = self.names.len() as u32 + 1;
        if number >= OTHER_TYPE {
            return OTHER_TYPE;
        }
        self.names.push(name);
        number
    }

    /// The name of the type with this number.
    pub(super) fn name(&self, number: u32) -> &str {
        let name = number.checked_sub(1).and_then(|index| self.names.get(index as usize));
        name.map_or(keys::FILESYSTEM_TYPE.fold.stand_in(), |name| name)
    }
}

/// The names in the kernel's list, whose lines are `nodev`, if it is so, a tab and the name.
fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = list.split(|byte| *byte == b'\n');
    lines.filter_map(|line| line.split(|byte| *byte == b'\t').nth(1)).filter(|name| !name.is_empty())
}

/// By what programs know a name: its beginning, and a zero.
fn key(name: &[u8]) -> TypeName {
    let mut key = TypeName::default();
    for (byte, of_name) in key.0[..TYPE_NAME - 1].iter_mut().zip(name) {
        *byte = *of_name;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_name() {
        let list = b"nodev\tsysfs\nnodev\ttmpfs\n\text4\n\ta \"b\"\\\n";
        assert_eq!(names(list).collect::<Vec<_>>(), [&b"sysfs"[..], b"tmpfs", b"ext4", b"a \"b\"\\"]);
    }

    #[test]
    fn long_names_are_known_by_their_beginning() {
        assert_eq!(key(b"ext4").0, *b"ext4\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(key(&[b'x'; 100]), key(&[b'x'; 15]));
    }

    #[test]
    fn types_that_hold_no_files_are_left_out_unless_they_are_asked_for() {
        let mut all = Types::new(&BTreeSet::new());
        let numbers = [&b"proc"[..], b"ext4", b"sockfs", b"tmpfs"].map(|name| all.number(name));
        assert_eq!(numbers, [LEFT_OUT, 1, LEFT_OUT, 2]);
        assert_eq!((all.name(1), all.name(2)), ("ext4", "tmpfs"));
        assert_eq!((all.name(OTHER_TYPE), all.name(LEFT_OUT)), ("(all others)", "(all others)"));
        let mut some = Types::new(&["proc".parse().expect("a name")].into());
        assert_eq!([&b"proc"[..], b"ext4"].map(|name| some.number(name)), [1, LEFT_OUT]);
    }

    #[test]
    fn more_types_than_there_are_numbers_share_one() {
        let mut all = Types::new(&BTreeSet::new());
        let numbers: Vec<_> = (0..400).map(|n| all.number(format!("type-{n}").as_bytes())).collect();
        assert_eq!((numbers[0], numbers[253], numbers[254], numbers[399]), (1, 254, OTHER_TYPE, OTHER_TYPE));
        assert_eq!(all.name(254), "type-253");
    }
}
