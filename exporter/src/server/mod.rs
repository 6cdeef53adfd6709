//! The HTTP server: metrics, health, and a page for people.
//!
//! It is made for a port that strangers can reach: it reads no bodies, answers only GET and HEAD unless the
//! config allows a reload by request, and bounds connections, header sizes, waiting times and scrapes in
//! flight. A [`Web`] adds what its operator asks for: TLS, certificates or passwords of clients, headers, a
//! limit on requests.

mod assets;
mod connections;
mod delivery;
mod hub;
mod live;
mod pages;
mod patience;
mod reload;
mod scrape;
mod web;

pub use connections::serve;
pub use hub::Hub;
pub use pages::{CollectorStatus, Cost};
pub use reload::{Outcome, Reloads};
pub use web::Web;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    body::HttpBody as _,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tokio::sync::{Semaphore, watch};

use crate::{health::Health, live::Live, prometheus::Exposition, snapshot::Snapshot};

/// Scrapes that are answered at the same time; those beyond get 503. The same as in other exporters.
const MAX_SCRAPES: usize = 40;

/// Takes note of who has carried a snapshot away.
pub type OnDelivered = Box<dyn Fn(&str, &Snapshot) + Send + Sync>;

/// What the server shows.
pub struct Site {
    /// Where snapshots come from.
    pub hub: Arc<Hub>,
    /// The exporter's own metrics.
    pub health: Arc<Health>,
    /// How metrics are written.
    pub exposition: watch::Receiver<Arc<Exposition>>,
    /// What the landing page says about each collector.
    pub collectors: Box<dyn Fn() -> Vec<CollectorStatus> + Send + Sync>,
    /// What the exporter costs.
    pub cost: Box<dyn Fn() -> Cost + Send + Sync>,
    /// What happened in the last minutes.
    pub live: Arc<Live>,
    /// Called with the scraper, its address and user agent, once it has taken all of a snapshot.
    pub on_delivered: OnDelivered,
    /// Where to ask for another config.
    pub reloads: Arc<Reloads>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("hub", &self.hub).finish_non_exhaustive()
    }
}

/// What all handlers share.
struct App {
    site: Site,
    /// One permit per scrape in flight.
    scrapes: Arc<Semaphore>,
    /// One permit per request of an open page in flight.
    pages: Arc<Semaphore>,
    /// What pages were answered last.
    latest: live::Latest,
}

/// The server's paths. Needs to be served by [`serve`], which tells handlers the client's address.
pub fn router(site: Site) -> Router {
    let app = Arc::new(App {
        site,
        scrapes: Arc::new(Semaphore::new(MAX_SCRAPES)),
        pages: Arc::new(Semaphore::new(live::MAX_REQUESTS)),
        latest: live::Latest::default(),
    });
    let assets = assets::ALL
        .iter()
        .fold(Router::new(), |router, asset| router.route(asset.path, get(|| async { asset.response() })));
    Router::new()
        .route("/", get(pages::page))
        .route("/api/live", get(live::live))
        .route("/docs/metrics.md", get(pages::reference))
        .merge(assets)
        .route("/metrics", get(scrape::scrape))
        .route("/healthz", get(pages::healthz))
        .route("/readyz", get(pages::readyz))
        .route("/-/reload", post(reload::reload).put(reload::reload))
        .with_state(app)
        .layer(from_fn(guard))
}

/// What holds for every path: no bodies in requests, and no guessing of types by browsers.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = if request.body().is_end_stream() {
        next.run(request).await
    } else {
        let refused =
            (StatusCode::PAYLOAD_TOO_LARGE, [(header::CONNECTION, "close")], "no request bodies here\n");
        refused.into_response()
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
