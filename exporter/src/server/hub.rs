//! One read at a time, shared by everyone who wants a fresh snapshot at that moment.
//!
//! Every scrape reads the maps, because a scrape wants the present. But two servers of a pair scrape at the
//! same second, and a read costs the more the more there is to read. So whoever comes while a read goes on,
//! or shortly after one, takes its snapshot. A lock that is held during the read does it all: those who
//! waited for it look first whether the read they waited for is recent enough for them.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch},
    task::{JoinError, spawn_blocking},
    time::{Instant, sleep_until},
};

use crate::{health::ReadMetrics, snapshot::Snapshot};

/// Gives out snapshots.
pub struct Hub {
    /// How long after a read its snapshot still counts as fresh.
    share: Duration,
    /// Held while a read goes on.
    reader: Arc<AsyncMutex<Reader>>,
    /// The last snapshot that was read, for those who don't wait for a fresh one.
    latest: Arc<Latest>,
}

type Latest = Mutex<Option<Arc<Snapshot>>>;

/// Is told of every snapshot; it must be quick.
type Observer = Box<dyn Fn(&Arc<Snapshot>) + Send>;

/// The one who reads, and when that was.
struct Reader {
    read: Box<dyn FnMut() -> Snapshot + Send>,
    observer: Observer,
    metrics: ReadMetrics,
    /// When the last read ended, well or not.
    ended: Option<Instant>,
}

impl Hub {
    /// Shares the snapshots of `read`, which may block, among those who come within `share` after it ended.
    pub fn new(
        read: impl FnMut() -> Snapshot + Send + 'static,
        share: Duration,
        metrics: ReadMetrics,
    ) -> Self {
        Self::observed(read, share, metrics, |_| {})
    }

    /// The same; `observer` is told of every snapshot that is read, before those who wait for it have it.
    pub fn observed(
        read: impl FnMut() -> Snapshot + Send + 'static,
        share: Duration,
        metrics: ReadMetrics,
        observer: impl Fn(&Arc<Snapshot>) + Send + 'static,
    ) -> Self {
        let reader = Reader { read: Box::new(read), observer: Box::new(observer), metrics, ended: None };
        Self { share, reader: Arc::new(AsyncMutex::new(reader)), latest: Arc::default() }
    }

    /// A snapshot that was read after this call, while it waited, or at most the shared time before it.
    ///
    /// When the read panics, the snapshot before it, which `kernel_exporter_snapshot_stale` then tells; an
    /// empty one when there is none.
    pub async fn fresh(&self) -> Arc<Snapshot> {
        // The task fails only when the runtime shuts down.
        self.with_fresh(|snapshot| snapshot).await.unwrap_or_else(|_| latest_or_empty(&self.latest))
    }

    /// What `then` makes of a [fresh](Self::fresh) snapshot. It may block as the read does, and runs on the
    /// same thread after it: waking another thread can take longer than reading a small machine's maps.
    ///
    /// # Errors
    ///
    /// When `then` panics, or the runtime shuts down.
    pub async fn with_fresh<T: Send + 'static>(
        &self,
        then: impl FnOnce(Arc<Snapshot>) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        self.with_recent(self.share, then).await
    }

    /// What `then` makes of a snapshot whose read ended at most `age` before this call, or later; as
    /// [`with_fresh`](Self::with_fresh).
    ///
    /// # Errors
    ///
    /// When `then` panics, or the runtime shuts down.
    pub async fn with_recent<T: Send + 'static>(
        &self,
        age: Duration,
        then: impl FnOnce(Arc<Snapshot>) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let arrived = Instant::now();
        let reader = Arc::clone(&self.reader).lock_owned().await;
        let shared = reader.ended.is_some_and(|ended| arrived <= ended + age);
        let latest = Arc::clone(&self.latest);
        // The lock goes along: when the caller hangs up, the read still ends before the next one begins.
        let reader = (!shared).then_some(reader);
        let task = spawn_blocking(move || {
            if let Some(reader) = reader {
                read(reader, &latest);
            }
            then(latest_or_empty(&latest))
        });
        task.await
    }

    /// The last snapshot that was read; `None` before the first.
    pub fn latest(&self) -> Option<Arc<Snapshot>> {
        locked(&self.latest).clone()
    }

    /// Reads whenever nobody else has read for `period`, the first time at once. Ends when the period can't
    /// change any more.
    pub async fn run(&self, mut period: watch::Receiver<Duration>) {
        loop {
            let longest = *period.borrow_and_update();
            let due = self.reader.lock().await.ended.map(|ended| ended + longest.max(self.share));
            match due {
                Some(due) if due > Instant::now() => tokio::select! {
                    () = sleep_until(due) => {}
                    changed = period.changed() => if changed.is_err() {
                        return;
                    }
                },
                _ => drop(self.fresh().await),
            }
        }
    }
}

/// Reads, and publishes what was read.
fn read(mut reader: OwnedMutexGuard<Reader>, latest: &Latest) {
    reader.metrics.total.inc();
    let timer = reader.metrics.duration.start_timer();
    // A reader that has panicked is asked again: its state is that of the maps, which it reads anew.
    let outcome = catch_unwind(AssertUnwindSafe(|| (reader.read)()));
    timer.observe_duration();
    reader.metrics.stale.set(i64::from(outcome.is_err()));
    match outcome {
        Ok(snapshot) => {
            let snapshot = Arc::new(snapshot);
            (reader.observer)(&snapshot);
            *locked(latest) = Some(snapshot);
        }
        Err(_) => {
            reader.metrics.panics.inc();
            tracing::error!("reading the maps panicked; the previous snapshot is shown");
        }
    }
    reader.ended = Some(Instant::now());
}

fn latest_or_empty(latest: &Latest) -> Arc<Snapshot> {
    locked(latest).clone().unwrap_or_else(|| Arc::new(Snapshot::empty(SystemTime::now())))
}

/// Locks, also after a panic elsewhere: a pointer is whole at any time.
fn locked(latest: &Latest) -> MutexGuard<'_, Option<Arc<Snapshot>>> {
    latest.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("share", &self.share).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
