//! `GET /api/live`: what an open page asks for, every few seconds.
//!
//! The answer has the columns that the page does not have yet, and who waited or did most within the window that it shows.
//! Pages are told how old the snapshot is, so that all of them ask next at about the same moment, and share the read.

mod answer;
mod shown;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use tokio::time::timeout;

use super::{App, delivery::Delivery, scrape};
use crate::{prometheus::negotiation::wants_gzip, snapshot::Edition};
use answer::Since;

/// Requests of pages that are answered at the same time; those beyond get 503. Pages ask together.
pub(super) const MAX_REQUESTS: usize = 32;

/// A page that waits longer for an answer than this is told so.
const PATIENCE: Duration = Duration::from_secs(10);

/// The window when a page names none.
const WINDOW: Duration = Duration::from_secs(60);

/// What was answered last: pages that ask together want the same.
#[derive(Default)]
pub(super) struct Latest(Mutex<Option<(Key, Arc<str>)>>);

#[derive(Clone, Copy, PartialEq)]
struct Key {
    since: Option<Since>,
    window: Duration,
    edition: Edition,
}

impl Latest {
    /// The answer for this key, made if it is not there.
    fn or(&self, key: Key, make: impl FnOnce() -> Option<String>) -> Option<Arc<str>> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = latest.as_ref().filter(|(known, _)| *known == key) {
            return Some(Arc::clone(answer));
        }
        let answer: Arc<str> = make()?.into();
        // The whole history is asked for once per page, and is large.
        if key.since.is_some() {
            *latest = Some((key, Arc::clone(&answer)));
        }
        Some(answer)
    }
}

#[derive(Deserialize)]
pub(super) struct Asked {
    /// Where the page is; everything is sent when it does not say so.
    since: Option<String>,
    /// In seconds.
    window: Option<String>,
}

impl Asked {
    fn read(&self) -> Result<(Option<Since>, Duration), &'static str> {
        let since = self.since.as_deref().filter(|since| !since.is_empty());
        let since =
            since.map(|since| since.parse().map_err(|()| "since: expected what `here` said in an answer\n"));
        let window = self.window.as_deref().map(|window| match window.parse() {
            Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
            _ => Err("window: expected a whole number of seconds from 1 to 3600\n"),
        });
        Ok((since.transpose()?, window.transpose()?.unwrap_or(WINDOW)))
    }
}

/// Answers an open page.
pub(super) async fn live(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let Some(refresh) = app.site.live.refresh() else {
        let off = "the live page is off; set `live.enabled: true` in the config\n";
        return (StatusCode::NOT_FOUND, off).into_response();
    };
    let (since, window) = match asked.read() {
        Ok(asked) => asked,
        Err(mistake) => return (StatusCode::BAD_REQUEST, mistake).into_response(),
    };
    let metrics = app.site.live.metrics();
    let Ok(permit) = Arc::clone(&app.pages).try_acquire_owned() else {
        metrics.rejected.inc();
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages ask at the same time\n").into_response();
    };
    let gzip = wants_gzip(scrape::texts(&headers, &header::ACCEPT_ENCODING));
    let writer = Arc::clone(&app);
    // A page that asks a little early shall not have to ask again.
    let body = app.site.hub.with_recent(refresh * 9 / 10, move |snapshot| {
        writer.site.live.catch_up();
        let key = Key { since, window, edition: snapshot.edition };
        let answer = writer.latest.or(key, || answer::write(&writer.site, since, window));
        let body = answer::with_age(&answer.unwrap_or_default(), snapshot.taken);
        if gzip { scrape::compressed(body.as_bytes()) } else { Ok(body.into_bytes()) }
    });
    let body = match timeout(PATIENCE, body).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(error))) => return scrape::failed(&error),
        Ok(Err(panic)) => return scrape::failed(&panic),
        Err(_) => {
            metrics.rejected.inc();
            return (StatusCode::SERVICE_UNAVAILABLE, "reading takes too long\n").into_response();
        }
    };
    metrics.requests.inc();
    let mut response = Response::new(Body::new(Delivery::new(body, permit, || {})));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
