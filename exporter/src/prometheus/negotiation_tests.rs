//! What real clients send, and what broken ones do.

use super::Format::{OpenMetrics, Protobuf, Text};
use super::*;

/// Prometheus 3.5 with native histograms on; off, the first range is missing.
const PROMETHEUS: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
    application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
    application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
    text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

#[test]
fn formats() {
    let without_protobuf = PROMETHEUS.split_once(',').expect("several ranges").1;
    for (accept, format) in [
        // Clients as they are.
        (PROMETHEUS, Protobuf),
        (without_protobuf, OpenMetrics),
        ("*/*", Text),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", Text),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", OpenMetrics),
        ("application/openmetrics-text;version=1.0.0;escaping=underscores", OpenMetrics),
        ("text/plain;version=0.0.4;escaping=values;q=0.5,*/*;q=0.1", Text),
        ("text/plain", Text),
        // Only versions that we do not have.
        ("application/openmetrics-text;version=0.0.1", Text),
        ("text/plain;version=1.0.0;q=0.9,application/openmetrics-text;version=1.0.0;q=0.3", OpenMetrics),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", Text),
        // Quality.
        ("text/plain;q=0.3,application/openmetrics-text;q=0.30", Text),
        ("text/plain;q=0.3,application/openmetrics-text;q=0.301", OpenMetrics),
        ("text/plain;q=0,*/*", OpenMetrics),
        ("text/plain;q=0, application/openmetrics-text;q=0, */*;q=0.001", Protobuf),
        ("application/openmetrics-text;q=0.000,text/plain;q=0.1", Text),
        ("*/*;q=0", Text),
        ("application/openmetrics-text;q=0", Text),
        ("text/plain;q=0.1,text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.5", Text),
        ("application/openmetrics-text,text/plain", OpenMetrics),
        ("text/plain,application/openmetrics-text", Text),
        ("application/*", OpenMetrics),
        ("text/*;q=0.5,application/*;q=0.4", Text),
        // Spelling.
        ("  Application/OpenMetrics-Text ; VERSION=\"1.0.0\" ; Q=0.5 ", OpenMetrics),
        // Broken ranges are skipped.
        ("", Text),
        (",;=,/,q=1,application", Text),
        ("application/openmetrics-text;q=high", Text),
        ("application/openmetrics-text;q=1.5", Text),
        ("application/openmetrics-text;q=-1", Text),
        ("application/openmetrics-text;q=0.1234", Text),
        ("application/openmetrics-text;version", Text),
        ("garbage,application/openmetrics-text", OpenMetrics),
        ("application/json", Text),
    ] {
        assert_eq!(Format::negotiate([accept]), format, "{accept}");
    }
}

#[test]
fn no_header_and_several_headers() {
    assert_eq!(Format::negotiate([]), Text);
    assert_eq!(Format::negotiate(["text/plain;q=0.5", "application/openmetrics-text"]), OpenMetrics);
}

#[test]
fn compression() {
    for (accept, gzip) in [
        ("gzip", true),
        ("gzip, deflate, br, zstd", true),
        ("GZIP;Q=0.5", true),
        ("identity, gzip", true),
        ("x-gzip", true),
        ("*", true),
        ("br, *;q=0.1", true),
        ("gzip;q=1.0, identity;q=0.5, *;q=0", true),
        ("", false),
        ("identity", false),
        ("deflate, br", false),
        ("gzip;q=0", false),
        ("gzip;q=0, *", false),
        ("gzip;q=0.4, identity;q=0.5", false),
        ("gzip;q=nan", false),
        ("*;q=0", false),
    ] {
        assert_eq!(wants_gzip([accept]), gzip, "{accept}");
    }
    assert!(!wants_gzip([]));
}
