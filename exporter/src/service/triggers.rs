//! What makes the exporter read its config again: a signal, a changed file, a request.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    time::{Interval, MissedTickBehavior, interval},
};
use tracing::info;

use crate::server::Outcome;

/// How often the file is looked at. A look costs one system call; being told would need a watch on every
/// directory on the way, because Kubernetes replaces a link in the path and not the file.
const LOOK: Duration = Duration::from_secs(2);

/// Waits for a reason to reload.
pub(super) struct Triggers {
    hangup: Signal,
    requests: mpsc::Receiver<oneshot::Sender<Outcome>>,
    looks: Interval,
    file: Watched,
    watches: bool,
}

/// Why to reload.
pub(super) enum Trigger {
    Signal,
    File,
    Request(oneshot::Sender<Outcome>),
}

impl Trigger {
    /// Tells who asked how it went.
    pub(super) fn answer(self, outcome: Outcome) {
        if let Self::Request(answer) = self {
            // Perhaps nobody waits any more.
            let _ = answer.send(outcome);
        }
    }
}

impl Triggers {
    pub(super) fn new(
        file: &Path,
        watches: bool,
        requests: mpsc::Receiver<oneshot::Sender<Outcome>>,
    ) -> Result<Self> {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let hangup = signal(SignalKind::hangup())?;
        Ok(Self { hangup, requests, looks, file: Watched::new(file), watches })
    }

    /// Whether to look at the file.
    pub(super) fn watch(&mut self, watches: bool) {
        self.watches = watches;
    }

    /// The next reason.
    pub(super) async fn next(&mut self) -> Trigger {
        loop {
            select! {
                Some(()) = self.hangup.recv() => {
                    info!("reading the config, by signal");
                    self.file.is_read();
                    return Trigger::Signal;
                }
                Some(answer) = self.requests.recv() => {
                    info!("reading the config, by request");
                    self.file.is_read();
                    return Trigger::Request(answer);
                }
                _ = self.looks.tick() => if self.watches && self.file.has_changed() {
                    info!("reading the config, which has changed");
                    return Trigger::File;
                }
            }
        }
    }
}

/// A file that may change.
struct Watched {
    path: PathBuf,
    /// As it was read.
    read: Stamp,
    /// As it was last seen.
    seen: Stamp,
}

/// What changes with a file: device, inode, size, seconds and nanoseconds of its last change. `None` while
/// there is no file.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

impl Watched {
    fn new(path: &Path) -> Self {
        let stamp = stamp(path);
        Self { path: path.to_owned(), read: stamp, seen: stamp }
    }

    fn is_read(&mut self) {
        self.seen = stamp(&self.path);
        self.read = self.seen;
    }

    /// Whether it is another one than was read, and nobody writes it any more: it was the same at the last look.
    fn has_changed(&mut self) -> bool {
        let now = stamp(&self.path);
        let is_at_rest = std::mem::replace(&mut self.seen, now) == now;
        let has_changed = is_at_rest && now != self.read;
        if has_changed {
            self.read = now;
        }
        has_changed
    }
}

fn stamp(path: &Path) -> Stamp {
    let data = fs::metadata(path).ok()?;
    Some((data.dev(), data.ino(), data.size(), data.ctime(), data.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_has_changed_once_it_is_at_rest() {
        let folder = std::env::temp_dir().join(format!("watched-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder for temporary files");
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("writable");
        write("1", "a");
        let link = folder.join("config.yaml");
        symlink("1", &link).expect("writable");
        let mut file = Watched::new(&link);
        assert!(!file.has_changed());
        write("1", "ab");
        assert!(!file.has_changed(), "perhaps it is being written");
        write("1", "abc");
        assert!(!file.has_changed(), "it is");
        assert!(file.has_changed());
        assert!(!file.has_changed(), "once");

        write("2", "abc");
        fs::remove_file(&link).expect("it is there");
        assert!(!file.has_changed());
        symlink("2", &link).expect("writable");
        assert!(!file.has_changed());
        assert!(file.has_changed(), "another file behind the same link");

        write("2", "d");
        file.is_read();
        assert!(!file.has_changed() && !file.has_changed());
        fs::remove_dir_all(&folder).expect("it is there");
    }
}
