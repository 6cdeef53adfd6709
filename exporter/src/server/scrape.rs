//! `GET /metrics`.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ::prometheus::IntGauge;
use axum::{
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{App, delivery::Delivery, patience::patience};
use crate::{
    prometheus::{Format, negotiation::wants_gzip},
    snapshot::Snapshot,
};

/// Answers a scrape with a fresh snapshot.
pub(super) async fn scrape(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let begun = Instant::now();
    let metrics = app.site.health.scrapes();
    let Some(turn) = Turn::take(&app) else {
        metrics.rejected.inc();
        return (StatusCode::SERVICE_UNAVAILABLE, "too many scrapes in flight\n").into_response();
    };
    let format = Format::negotiate(texts(&headers, &header::ACCEPT));
    let gzip = wants_gzip(texts(&headers, &header::ACCEPT_ENCODING));
    let writer = Arc::clone(&app);
    let written = app.site.hub.with_fresh(move |snapshot| (body(&writer, format, gzip, &snapshot), snapshot));
    let patience = patience(&headers);
    let (body, snapshot) = match timeout(patience.unwrap_or(Duration::MAX), written).await {
        Ok(Ok((Ok(body), snapshot))) => (body, snapshot),
        Ok(Ok((Err(error), _))) => return failed(&error),
        Ok(Err(panic)) => return failed(&panic),
        Err(_) => return too_slow(&app, begun.elapsed()),
    };
    app.site
        .health
        .scrapes()
        .duration
        .with_label_values(&[format.name()])
        .observe(begun.elapsed().as_secs_f64());
    let scraper = scraper(peer, &headers);
    let delivery = Delivery::new(body, turn, move || (app.site.on_delivered)(&scraper, &snapshot));
    let mut response = Response::new(Body::new(delivery));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// A scrape in flight, from the request until its body is gone, so that slow readers count as well.
struct Turn {
    in_flight: IntGauge,
    _permit: OwnedSemaphorePermit,
}

impl Turn {
    /// `None` when there are too many.
    fn take(app: &App) -> Option<Self> {
        let permit = Arc::clone(&app.scrapes).try_acquire_owned().ok()?;
        let in_flight = app.site.health.scrapes().in_flight.clone();
        in_flight.inc();
        Some(Self { in_flight, _permit: permit })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}

/// The body; takes milliseconds, and some of the exporter's own metrics are read from files.
fn body(app: &App, format: Format, gzip: bool, snapshot: &Snapshot) -> anyhow::Result<Vec<u8>> {
    let exposition = Arc::clone(&app.site.exposition.borrow());
    let body = app.site.health.own().with(|own| exposition.encode(format, snapshot, &own))?;
    Ok(if gzip { compressed(&body)? } else { body })
}

pub(super) fn compressed(body: &[u8]) -> io::Result<Vec<u8>> {
    // Metrics repeat themselves: even the fast level makes a twentieth of them.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 16), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

pub(super) fn failed(error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "cannot write an answer");
    (StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written; see the log\n").into_response()
}

/// The scraper would soon hang up. The read goes on; those who come meanwhile share it.
fn too_slow(app: &App, waited: Duration) -> Response {
    app.site.health.scrapes().timed_out.inc();
    let message =
        format!("reading takes longer than the scrape's timeout allows: given up after {waited:.1?}\n");
    (StatusCode::SERVICE_UNAVAILABLE, message).into_response()
}

/// Who scrapes: two servers of a pair may share an address, and an address may share two agents.
fn scraper(peer: SocketAddr, headers: &HeaderMap) -> String {
    let address = peer.ip().to_canonical();
    match headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()) {
        Some(agent) => format!("{address} {agent}"),
        None => address.to_string(),
    }
}

/// All values of a header that are text.
pub(super) fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}
