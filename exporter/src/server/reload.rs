//! `POST /-/reload`, for those whom the config allows it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{extract::State, http::StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::App;

/// How a reload ended: nothing, or what is wrong with the config.
pub type Outcome = Result<(), String>;

/// Requests for reloads by HTTP, which few may be waiting.
#[derive(Debug)]
pub struct Reloads {
    allowed: AtomicBool,
    requests: mpsc::Sender<oneshot::Sender<Outcome>>,
}

/// Requests that are waiting at most.
const MOST_WAITING: usize = 4;

impl Reloads {
    /// One end for those who ask, the other for the one who reloads. Nobody is allowed to ask yet.
    pub fn new() -> (Arc<Self>, mpsc::Receiver<oneshot::Sender<Outcome>>) {
        let (requests, received) = mpsc::channel(MOST_WAITING);
        (Arc::new(Self { allowed: AtomicBool::new(false), requests }), received)
    }

    /// Whether requests are listened to.
    pub fn allow_requests(&self, allowed: bool) {
        self.allowed.store(allowed, Ordering::Relaxed);
    }

    /// See [`allow_requests`](Self::allow_requests).
    pub fn are_allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Asks for a reload and waits for its end. `None` when too many are waiting, or the exporter is ending.
    pub async fn request(&self) -> Option<Outcome> {
        let (answer, answered) = oneshot::channel();
        self.requests.try_send(answer).ok()?;
        answered.await.ok()
    }
}

/// Reads the config again, and says how that went.
pub(super) async fn reload(State(app): State<Arc<App>>) -> (StatusCode, String) {
    let reloads = &app.site.reloads;
    if !reloads.are_allowed() {
        let refused = "reloading by request is off; set `reload.http: true` in the config\n";
        return (StatusCode::FORBIDDEN, refused.to_owned());
    }
    match reloads.request().await {
        Some(Ok(())) => (StatusCode::OK, "the config is in force\n".to_owned()),
        Some(Err(error)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("the last good config stays: {error}\n"))
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "another reload is under way\n".to_owned()),
    }
}
