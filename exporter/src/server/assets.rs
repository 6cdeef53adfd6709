//! What the page is made of: small files in the binary, as they were written.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

/// A file that browsers fetch.
pub(super) struct Asset {
    /// Where they find it.
    pub(super) path: &'static str,
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    pub(super) fn response(&self) -> Response {
        let mut response = self.text.into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        // They belong to one version of the exporter, and are small.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! assets {
    ($($kind:ident $file:literal),* $(,)?) => {
        /// All of them.
        pub(super) static ALL: &[Asset] = &[$(Asset {
            path: concat!("/page/", $file),
            kind: $kind,
            text: include_str!(concat!("page/", $file)),
        }),*];
    };
}

assets! {
    IMAGE "icon.svg",
    STYLE "page.css",
    SCRIPT "main.js",
    SCRIPT "boards.js",
    SCRIPT "counters.js",
    SCRIPT "elements.js",
    SCRIPT "exporter.js",
    SCRIPT "format.js",
    SCRIPT "heatmap.js",
    SCRIPT "heatmaps.js",
    SCRIPT "names.js",
    SCRIPT "past.js",
    SCRIPT "whose.js",
}
