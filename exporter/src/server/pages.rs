//! Health, and the page for people who come with a browser.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::App;

/// The landing page loads nothing, runs nothing and is framed by nobody.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the landing page says about a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorStatus {
    /// Its name.
    pub name: String,
    /// Whether it measures.
    pub up: bool,
    /// How, or why not, for people.
    pub detail: String,
}

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The maps have been read, so a scrape gets series.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.site.hub.latest() {
        Some(_) => (StatusCode::OK, "ready\n"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "not ready: the maps have not been read yet\n"),
    }
}

/// The landing page.
pub(super) async fn landing(State(app): State<Arc<App>>) -> Response {
    let headers = [(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)];
    (headers, Html(landing_page(&(app.site.collectors)()))).into_response()
}

fn landing_page(collectors: &[CollectorStatus]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>kernel-exporter</title></head>\n<body>\n\
         <h1>kernel-exporter {}</h1>\n<p>{}.</p>\n\
         <ul>\n<li><a href=\"/metrics\">Metrics</a></li>\n<li><a href=\"/healthz\">Health</a></li>\n\
         <li><a href=\"/readyz\">Readiness</a></li>\n</ul>\n\
         <h2>Collectors</h2>\n<table>\n<tr><th>Collector</th><th>Status</th><th>Detail</th></tr>\n",
        escaped(env!("CARGO_PKG_VERSION")),
        escaped(env!("CARGO_PKG_DESCRIPTION")),
    );
    for collector in collectors {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&collector.name),
            if collector.up { "up" } else { "down" },
            escaped(&collector.detail)
        );
    }
    page.push_str("</table>\n</body>\n</html>\n");
    page
}

/// Text that is safe in elements and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let status = CollectorStatus {
            name: "<script>alert('1')</script>".to_owned(),
            up: false,
            detail: "a & \"b\"".to_owned(),
        };
        let page = landing_page(&[status]);
        assert!(!page.contains("<script"));
        assert!(page.contains(
            "<tr><td>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;</td><td>down</td><td>a &amp; &quot;b&quot;</td></tr>"
        ));
    }
}
