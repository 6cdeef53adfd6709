//! What the live page shows: the last minutes, without a time-series database.
//!
//! Every snapshot is offered to the history, whoever asked for it: the periodic read, a scrape, or a page. So the
//! history costs a comparison of two snapshots per read and no reads of its own. While pages are open they ask for
//! snapshots more often ([`refresh`](Live::refresh)), all of them for the same ones. The page is no
//! consumer for the ledger: the history has taken every increment by the time a page shows it, so the dead
//! need not wait for one that comes and goes as people do.

mod board;
mod heat;
mod history;
mod increment;
mod names;
mod top;

pub use board::{Board, Goes, Id as SegmentId, Segment, Whose};
pub use heat::{Heat, ROWS_PER_OCTAVE};
pub use history::{Column, History, Limits};
pub use increment::{Amount, Increment, Part};
pub use names::Name;
pub use top::Top;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::sync::Notify;

use crate::{config, health::LiveMetrics, snapshot::Snapshot};

/// Snapshots that may wait to be recorded. A read takes longer than to record what it read, so there is hardly ever more
/// than one; of too many the oldest goes, and what living series have got since comes with the next.
const MOST_WAITING: usize = 8;

/// The history, shared by those who fill it and those who look at it.
pub struct Live {
    state: Mutex<State>,
    waiting: Mutex<VecDeque<Arc<Snapshot>>>,
    arrived: Notify,
    metrics: LiveMetrics,
    begun: SystemTime,
}

struct State {
    /// `None`: it is off.
    limits: Option<Limits>,
    history: History,
}

impl Live {
    /// An empty history, as the config wants it.
    pub fn new(config: &config::Live, metrics: LiveMetrics) -> Self {
        let state = State { limits: None, history: History::default() };
        let live = Self {
            state: Mutex::new(state),
            waiting: Mutex::default(),
            arrived: Notify::new(),
            metrics,
            begun: SystemTime::now(),
        };
        live.configure(config);
        live
    }

    /// Does as this config says from now on. What is off forgets everything.
    pub fn configure(&self, config: &config::Live) {
        let limits = config.enabled.then(|| Limits {
            span: config.history,
            bytes: usize::try_from(config.memory.bytes()).unwrap_or(usize::MAX),
            refresh: config.refresh,
        });
        let mut state = locked(&self.state);
        state.limits = limits;
        match limits {
            Some(limits) => state.history.shrink(limits),
            None => state.history = History::default(),
        }
        self.show(&state);
    }

    /// Takes a snapshot to be recorded; quick, because the one who offers it is about to answer a scrape.
    pub fn offer(&self, snapshot: &Arc<Snapshot>) {
        let mut waiting = locked(&self.waiting);
        if waiting.len() == MOST_WAITING {
            waiting.pop_front();
        }
        waiting.push_back(Arc::clone(snapshot));
        self.arrived.notify_one();
    }

    /// Records what has been offered, for ever.
    pub async fn run(&self) {
        loop {
            self.arrived.notified().await;
            self.catch_up();
        }
    }

    /// Records what has been offered so far.
    pub fn catch_up(&self) {
        let mut state = locked(&self.state);
        // Taken while the state is locked, so that all are recorded in their order.
        let waiting = std::mem::take(&mut *locked(&self.waiting));
        let Some(limits) = state.limits else { return };
        waiting.iter().for_each(|snapshot| state.history.record(snapshot, limits));
        self.show(&state);
    }

    /// How soon one read may follow another while a page is open; `None` when there is no history.
    pub fn refresh(&self) -> Option<Duration> {
        locked(&self.state).limits.map(|limits| limits.refresh)
    }

    /// Looks at the history; `None` when there is none.
    pub fn with<T>(&self, look: impl FnOnce(&History, Limits) -> T) -> Option<T> {
        let state = locked(&self.state);
        state.limits.map(|limits| look(&state.history, limits))
    }

    /// When this history began; the numbers of its columns mean nothing to another one.
    pub fn begun(&self) -> SystemTime {
        self.begun
    }

    /// How it stands, as metrics.
    pub fn metrics(&self) -> &LiveMetrics {
        &self.metrics
    }

    fn show(&self, State { limits, history }: &State) {
        self.metrics.bytes.set(history.bytes() as i64);
        self.metrics.limit.set(limits.map_or(0, |limits| limits.bytes as i64));
        self.metrics.span.set(history.span().as_secs_f64());
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

/// Locks, also after a panic elsewhere: a history that lost a column is one with a gap.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
