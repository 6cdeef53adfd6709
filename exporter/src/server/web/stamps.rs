//! Whether files have changed.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// A file that changed less than this ago may still be being written, and a change within one tick of the
/// file system's clock would go unseen. So changes are acted upon when they are this old.
const SETTLED: Duration = Duration::from_millis(100);

/// Files and the state in which each was last seen. Links are followed, so that it shows when one leads
/// elsewhere, which is how Kubernetes brings a new version of a mounted secret.
#[derive(Debug, Default)]
pub(super) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

/// What changes when a file does; the time is that of the last change of any kind, which nobody can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// What has become of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// Some have changed, the last just now.
    Unsettled,
    /// Some have changed.
    Settled,
}

impl Stamps {
    /// Notes the state of a file, also that it is not there. Comes before reading it, so that a later change
    /// shows.
    pub(super) fn note(&mut self, path: &Path) {
        self.0.push((path.to_owned(), Stamp::of(path)));
    }

    /// How the files are now.
    pub(super) fn change(&self) -> Change {
        let now: Vec<_> = self.0.iter().map(|(path, _)| Stamp::of(path)).collect();
        if self.0.iter().zip(&now).all(|((_, then), now)| then == now) {
            return Change::None;
        }
        if now.into_iter().flatten().all(|stamp| stamp.is_settled()) {
            Change::Settled
        } else {
            Change::Unsettled
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }

    /// A change in the future is one before the clock was set back.
    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let changed = Duration::new(self.changed.0.max(0) as u64, self.changed.1.max(0) as u32);
        now.checked_sub(changed).is_none_or(|age| age >= SETTLED)
    }
}
