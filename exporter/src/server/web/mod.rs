//! The web configuration in force, kept up with its files.

mod authentication;
mod client_certificates;
mod gate;
mod handshake;
mod protect;
mod rate_limiter;
mod settings;
mod stamps;
mod subject_names;
mod tls;

pub(super) use handshake::handshake;
pub(super) use protect::protect;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ::prometheus::Registry;
use tokio::task::spawn_blocking;

use crate::{config, health::WebMetrics};
use authentication::Authentication;
use settings::Settings;
use stamps::{Change, Stamps};

/// The files are looked at when they are needed, but not more often than this.
const PERIOD: Duration = Duration::from_secs(1);

/// What is asked of connections and requests, by a file that may change while the server runs.
///
/// A change is in force a second later at most: for new connections what is about TLS, for all requests the
/// rest. When the file, or one that it names, is no longer valid, what was in force stays, which is logged
/// once and shown by `kernel_exporter_web_config_last_reload_successful`.
pub struct Web {
    /// `None`: nothing is asked.
    file: Option<PathBuf>,
    state: Mutex<State>,
    authentication: Authentication,
    pub(super) metrics: WebMetrics,
}

struct State {
    settings: Arc<Settings>,
    stamps: Stamps,
    looked: Instant,
    is_looking: bool,
    /// What was last wrong, and is in the log.
    complaint: Option<String>,
}

impl Web {
    /// Reads the file; with an empty name, nothing is asked of anybody. Metrics about it are added to
    /// `registry`.
    ///
    /// # Errors
    ///
    /// When the file or one that it names cannot be read or is not valid, or the metrics are there already.
    pub fn load(file: &str, registry: &Registry) -> anyhow::Result<Arc<Self>> {
        if file.is_empty() {
            return Ok(Self::new(None, Settings::default(), Stamps::default(), WebMetrics::new()?));
        }
        let path = Path::new(file);
        let mut stamps = Stamps::default();
        let settings = Settings::load(path, &mut stamps)?;
        tracing::info!(file = ?path, "web config: {settings}");
        if settings.tls.is_none() && !settings.users.is_empty() {
            tracing::warn!(file = ?path, "users without TLS: their passwords can be read on the way");
        }
        let metrics = WebMetrics::new()?;
        metrics.register(registry)?;
        metrics.reloaded(true);
        Ok(Self::new(Some(path.to_owned()), settings, stamps, metrics))
    }

    fn new(file: Option<PathBuf>, settings: Settings, stamps: Stamps, metrics: WebMetrics) -> Arc<Self> {
        let settings = Arc::new(settings);
        let state = State { settings, stamps, looked: Instant::now(), is_looking: false, complaint: None };
        Arc::new(Self { file, state: Mutex::new(state), authentication: Authentication::new(), metrics })
    }

    /// What the file says, in a few words.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn check(file: &Path) -> Result<String, config::Error> {
        Settings::load(file, &mut Stamps::default()).map(|settings| settings.to_string())
    }

    /// What is in force now, after a look at the files if the last one was too long ago.
    pub(super) async fn current(self: &Arc<Self>) -> Arc<Settings> {
        if self.is_due() {
            let web = Arc::clone(self);
            if let Err(error) = spawn_blocking(move || web.look()).await {
                self.state().is_looking = false;
                tracing::error!(%error, "cannot look at the web config");
            }
        }
        Arc::clone(&self.state().settings)
    }

    /// Whether the caller should look at the files. Those who come while it does go on with what there is.
    fn is_due(&self) -> bool {
        let mut state = self.state();
        let is_due = self.file.is_some() && !state.is_looking && state.looked.elapsed() >= PERIOD;
        state.is_looking |= is_due;
        is_due
    }

    /// Looks at the files, and reads them when they have changed.
    fn look(&self) {
        let Some(path) = &self.file else { return };
        let (change, before) = {
            let state = self.state();
            (state.stamps.change(), Arc::clone(&state.settings))
        };
        let mut stamps = Stamps::default();
        let read = (change == Change::Settled).then(|| {
            let next = Settings::load(path, &mut stamps).map_err(|error| error.to_string())?;
            match before.refuses(&next) {
                None => Ok(next.continues(&before)),
                Some(reason) => Err(format!("{}: {reason}", path.display())),
            }
        });
        let mut state = self.state();
        state.is_looking = false;
        if change != Change::Unsettled {
            state.looked = Instant::now();
        }
        let Some(read) = read else { return };
        state.stamps = stamps;
        self.metrics.reloaded(read.is_ok());
        match read {
            Ok(settings) => {
                tracing::info!(file = ?path, "web config read again: {settings}");
                state.settings = Arc::new(settings);
                state.complaint = None;
            }
            Err(complaint) if state.complaint.as_ref() == Some(&complaint) => {}
            Err(complaint) => {
                tracing::error!(error = ?complaint, "the web config is not valid now; what was in force stays");
                state.complaint = Some(complaint);
            }
        }
    }

    /// Locks, also after a panic elsewhere: nothing is changed in steps.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("file", &self.file).finish_non_exhaustive()
    }
}
