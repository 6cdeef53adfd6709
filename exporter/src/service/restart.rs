//! What an exporter leaves to the next one; see [`crate::restart`].

use std::path::Path;

use anyhow::Result;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::{Service, locked};
use crate::{config::Restart, engine::Engine, restart, snapshot::Snapshot};

/// The file, if there is to be one.
fn file(config: &Restart) -> Option<&Path> {
    (!config.state_file.is_empty()).then(|| config.state_file.as_ref())
}

/// Whether the counters can be kept, if they are to be.
pub(super) fn check(config: &Restart) -> Result<()> {
    file(config).map_or(Ok(()), restart::prove_writable)
}

/// Goes on from where the exporter before this one ended, and says what it has come to by that. A file that is of no
/// use is no reason not to measure.
pub(super) fn resume(engine: &mut Engine, config: &Restart) -> Option<Snapshot> {
    let state = match restart::take(file(config)?) {
        Ok(Some(state)) => state,
        Ok(None) => {
            info!(file = config.state_file, "no counters from before, they begin anew");
            return None;
        }
        Err(error) => {
            warn!("restart.state_file: counters begin anew: {error:#}");
            return None;
        }
    };
    let (told, unknown) = engine.resume(state);
    let series: usize = told.families.iter().map(|family| family.series.len()).sum();
    info!(file = config.state_file, series, unknown, "counters go on from before");
    Some(told)
}

impl Service {
    /// Ends what is told to others, and keeps what they have been told.
    pub(super) async fn end(self) {
        self.server.end().await;
        self.attends.abort();
        self.reads.abort();
        self.records.abort();
        let keeps = file(&self.config.restart);
        if keeps.is_some() {
            locked(&self.engine).stop_waiting();
        }
        if !self.pushers.is_empty() {
            self.pushers.end().await;
        } else if keeps.is_some() {
            let engine = self.engine.clone();
            let _ = spawn_blocking(move || locked(&engine).read_last()).await;
        }
        let Some(path) = keeps else { return };
        let kept = locked(&self.engine).bequeath().and_then(|state| restart::keep(&state, path));
        match kept {
            Ok(()) => info!(file = self.config.restart.state_file, "counters are kept"),
            Err(error) => error!("the next exporter's counters begin anew: {error:#}"),
        }
    }
}
