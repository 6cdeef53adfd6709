//! Health, and the page for people who come with a browser.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;

use super::App;
use crate::{catalogue, collectors::registry};

/// The page loads and runs nothing but its own files, in which no text becomes markup, and is framed by nobody.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// What the page says about a collector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CollectorStatus {
    /// Its name.
    pub name: String,
    /// Whether it measures.
    pub up: bool,
    /// How, or why not, for people.
    pub detail: String,
}

/// What the exporter costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// CPUs in use on average over the budget's window; `None` until that is known.
    pub cores: Option<f64>,
    /// CPUs that may be used; `None` without a limit.
    pub limit: Option<f64>,
    /// CPUs of this machine.
    pub cpus: f64,
    /// Bytes of memory that the exporter has.
    pub memory: Option<u64>,
    /// Bytes of its maps in the kernel.
    pub maps: u64,
    /// Whether the last read failed, so that an earlier one is shown.
    pub stale: bool,
    /// Seconds of CPU time that each collector has taken since it was attached.
    pub collectors: Vec<(String, f64)>,
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

/// Every metric, as this exporter has it.
pub(super) async fn reference() -> String {
    let collectors: Vec<_> =
        registry::descriptions().map(|about| (about.name, about.about, about.metrics)).collect();
    catalogue::markdown(&collectors)
}

/// The page.
pub(super) async fn page(State(app): State<Arc<App>>) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    let page = written(&(app.site.collectors)(), app.site.live.refresh().is_some());
    (headers, Html(page)).into_response()
}

/// The page as it is without scripts, or before they run. Only when it is live, scripts fill in the rest.
fn written(collectors: &[CollectorStatus], live: bool) -> String {
    let mut rows = String::new();
    for collector in collectors {
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            escaped(&collector.name),
            if collector.up { "up" } else { "down" },
            escaped(&collector.detail)
        );
    }
    let mut page = String::with_capacity(PAGE.len() + rows.len());
    let mut skipped = false;
    for line in PAGE.lines() {
        match line.trim() {
            "<!-- live -->" => skipped = !live,
            "<!-- not live -->" => skipped = live,
            "<!-- always -->" => skipped = false,
            _ if skipped => {}
            _ => page.extend([line, "\n"]),
        }
    }
    page.replace("{version}", &escaped(env!("CARGO_PKG_VERSION")))
        .replace("{about}", &escaped(env!("CARGO_PKG_DESCRIPTION")))
        // Last, because what it is replaced by comes from elsewhere.
        .replace("{collectors}", &rows)
}

const PAGE: &str = include_str!("page/index.html");

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

    fn hostile() -> CollectorStatus {
        CollectorStatus {
            name: "<script>alert('1')</script>".to_owned(),
            up: false,
            detail: "a & \"b\" {version}".to_owned(),
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let page = written(&[hostile()], true);
        assert!(!page.contains("<script>"));
        assert!(page.contains(
            "<tr><th scope=\"row\">&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;</th><td>down</td>\
             <td>a &amp; &quot;b&quot; {version}</td></tr>"
        ));
    }

    /// What the policy forbids would do nothing in a browser but complain.
    #[test]
    fn nothing_is_inline() {
        for live in [false, true] {
            let page = written(&[], live);
            assert_eq!(page.matches("<script").count(), usize::from(live));
            for inline in ["<style", " style=", " onclick=", "javascript:", "<!-- "] {
                assert!(!page.contains(inline), "{inline}");
            }
        }
    }
}
