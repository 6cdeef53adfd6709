//! The host's disks as sysfs shows them: how many requests they can have, which they have, and whether they
//! are still there.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use exporter_common::block_io::DISK_NAME_LEN;
use rustc_hash::FxHashMap;

/// Bits of a device's minor number in keys (include/linux/kdev_t.h).
const MINOR_BITS: u32 = 20;

/// For how long an answer from sysfs is believed.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Fewest and most requests that are remembered at a time. Entries stay as long as their request structures,
/// of which a disk has as many as its queues are deep, twice with a scheduler.
const REQUESTS: std::ops::RangeInclusive<u64> = 4_096..=65_536;

/// Who is asked whether a disk is still there: number and name.
type DiskId = (u32, [u8; DISK_NAME_LEN]);

/// The directory of disks, with a memory of its latest answers.
pub(super) struct Disks {
    directory: PathBuf,
    asked: Option<Instant>,
    gone: FxHashMap<DiskId, bool>,
}

impl Disks {
    pub(super) fn of_this_host() -> Self {
        Self::at("/sys/block".into())
    }

    fn at(directory: PathBuf) -> Self {
        Self { directory, asked: None, gone: FxHashMap::default() }
    }

    /// Forgets answers that are too old.
    pub(super) fn refresh(&mut self, now: Instant) {
        if self.asked.is_none_or(|asked| now.duration_since(asked) >= CHECK_INTERVAL) {
            self.asked = Some(now);
            self.gone.clear();
        }
    }

    /// Whether there is no disk of that number and name any more. Number 0 stands for no disk in particular,
    /// which never goes.
    pub(super) fn is_gone(&mut self, number: u32, name: [u8; DISK_NAME_LEN]) -> bool {
        let Self { directory, gone, .. } = self;
        number != 0
            && *gone.entry((number, name)).or_insert_with(|| {
                let path = directory.join(directory_name(&name));
                // Hidden disks, the paths of NVMe multipath, have no `dev`.
                !path.exists() || self::number(&path).is_some_and(|there| there != number)
            })
    }

    /// Requests that the disk of that name has, as the kernel counts them; 0 when it is gone.
    pub(super) fn in_flight(&self, name: &[u8; DISK_NAME_LEN]) -> u64 {
        in_flight(&self.directory.join(directory_name(name)))
    }

    /// Number, name and requests of all disks that have requests, at most once each.
    pub(super) fn busy(&self) -> Vec<(u32, [u8; DISK_NAME_LEN], u64)> {
        let disk = |path: PathBuf| {
            let mut name = [0; DISK_NAME_LEN];
            let file_name = path.file_name()?.as_encoded_bytes();
            let shown = name.get_mut(..file_name.len())?;
            shown.copy_from_slice(file_name);
            shown.iter_mut().filter(|byte| **byte == b'!').for_each(|byte| *byte = b'/');
            Some((number(&path)?, name, in_flight(&path)))
        };
        self.request_based().filter_map(disk).filter(|(.., requests)| *requests > 0).collect()
    }

    /// How many requests must be remembered at a time.
    pub(super) fn request_capacity(&self) -> u32 {
        let requests: u64 = self.request_based().map(|path| 2 * depth(&path) * queues(&path)).sum();
        u32::try_from(requests.clamp(*REQUESTS.start(), *REQUESTS.end())).unwrap_or(u32::MAX)
    }

    /// The directories of disks with request queues; what is stacked on others has none.
    fn request_based(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.join("mq").exists())
    }
}

/// A disk's directory: slashes in names become exclamation marks.
fn directory_name(name: &[u8; DISK_NAME_LEN]) -> String {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).replace('/', "!")
}

fn number(disk: &Path) -> Option<u32> {
    let text = fs::read_to_string(disk.join("dev")).ok()?;
    let (major, minor) = text.trim().split_once(':')?;
    Some(major.parse::<u32>().ok()? << MINOR_BITS | minor.parse::<u32>().ok()?)
}

/// Reads and writes that the device has.
fn in_flight(disk: &Path) -> u64 {
    let text = fs::read_to_string(disk.join("inflight")).unwrap_or_default();
    text.split_whitespace().filter_map(|number| number.parse::<u64>().ok()).sum()
}

fn depth(disk: &Path) -> u64 {
    fs::read_to_string(disk.join("queue/nr_requests")).ok().and_then(|n| n.trim().parse().ok()).unwrap_or(128)
}

fn queues(disk: &Path) -> u64 {
    fs::read_dir(disk.join("mq")).map_or(1, |queues| queues.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> [u8; DISK_NAME_LEN] {
        let mut name = [0; DISK_NAME_LEN];
        name[..text.len()].copy_from_slice(text.as_bytes());
        name
    }

    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("disks-{test}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a scratch directory");
            Self(path)
        }

        fn disk(&self, name: &str, dev: Option<&str>, depth: u64, queues: u64, in_flight: &str) {
            let disk = self.0.join(name);
            for queue in 0..queues {
                fs::create_dir_all(disk.join(format!("mq/{queue}"))).expect("made");
            }
            fs::create_dir_all(disk.join("queue")).expect("made");
            fs::write(disk.join("queue/nr_requests"), format!("{depth}\n")).expect("written");
            fs::write(disk.join("inflight"), in_flight).expect("written");
            if let Some(dev) = dev {
                fs::write(disk.join("dev"), format!("{dev}\n")).expect("written");
            }
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn capacity_follows_the_queues_within_bounds() {
        let directory = Directory::new("capacity");
        let disks = Disks::at(directory.0.clone());
        assert_eq!(disks.request_capacity(), 4_096);
        directory.disk("nvme0n1", Some("259:0"), 1_023, 4, "0 0");
        directory.disk("dm-0", Some("253:0"), 1_000_000, 0, "0 0");
        assert_eq!(disks.request_capacity(), 8_184);
        directory.disk("nvme1n1", Some("259:1"), 1_023, 128, "0 0");
        assert_eq!(disks.request_capacity(), 65_536);
    }

    #[test]
    fn a_disk_is_gone_when_its_name_or_its_number_is() {
        let directory = Directory::new("gone");
        directory.disk("sda", Some("8:0"), 1, 1, "0 0");
        directory.disk("cciss!c0d0", Some("104:0"), 1, 1, "0 0");
        directory.disk("nvme0c0n1", None, 1, 1, "0 0");
        let mut disks = Disks::at(directory.0.clone());
        assert!(!disks.is_gone(8 << 20, name("sda")));
        assert!(disks.is_gone(8 << 20 | 16, name("sda")), "it has another number");
        assert!(disks.is_gone(8 << 20, name("sdb")));
        assert!(!disks.is_gone(104 << 20, name("cciss/c0d0")));
        assert!(!disks.is_gone(259 << 20, name("nvme0c0n1")), "hidden disks have no number in sysfs");
        assert!(!disks.is_gone(0, name("")));
    }

    #[test]
    fn answers_are_believed_for_a_while() {
        let directory = Directory::new("memory");
        directory.disk("sda", Some("8:0"), 1, 1, "0 0");
        let mut disks = Disks::at(directory.0.clone());
        let now = Instant::now();
        disks.refresh(now);
        assert!(!disks.is_gone(8 << 20, name("sda")));
        fs::remove_dir_all(directory.0.join("sda")).expect("removed");
        disks.refresh(now + CHECK_INTERVAL / 2);
        assert!(!disks.is_gone(8 << 20, name("sda")));
        disks.refresh(now + CHECK_INTERVAL);
        assert!(disks.is_gone(8 << 20, name("sda")));
    }

    #[test]
    fn busy_disks_are_those_with_requests() {
        let directory = Directory::new("busy");
        directory.disk("sda", Some("8:0"), 1, 1, "       0        0\n");
        directory.disk("cciss!c0d0", Some("104:1"), 1, 1, "       2        3\n");
        let disks = Disks::at(directory.0.clone());
        assert_eq!(disks.busy(), [(104 << 20 | 1, name("cciss/c0d0"), 5)]);
        assert_eq!(disks.in_flight(&name("cciss/c0d0")), 5);
        assert_eq!(disks.in_flight(&name("no such disk")), 0);
    }
}
