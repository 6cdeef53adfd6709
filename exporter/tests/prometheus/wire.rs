//! What goes over the wire, byte by byte.

use std::{io::Read as _, time::Duration};

use flate2::read::GzDecoder;
use kernel_exporter::prometheus::Format;

use crate::{
    exporter::Exporter,
    http::Response,
    tools::{or_skip, root},
};

pub(crate) const TEXT: &str = "text/plain;version=0.0.4";
pub(crate) const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";
pub(crate) const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Responses to two requests that shared one read: the same snapshot in two forms, but for what the exporter
/// says about itself.
pub(crate) fn of_one_read(exporter: &Exporter, requests: [Headers<'_>; 2]) -> [Response; 2] {
    // On a busy machine the second may come too late to share.
    for _ in 0..20 {
        let before = reads(&exporter.text());
        std::thread::sleep(Duration::from_millis(100));
        let mut clients = [exporter.connect(), exporter.connect()];
        for (client, headers) in clients.iter_mut().zip(requests) {
            client.send("GET", "/metrics", headers);
        }
        let responses = clients.map(|mut client| client.receive("GET"));
        std::thread::sleep(Duration::from_millis(100));
        if reads(&exporter.text()) == before + 2 {
            return responses;
        }
    }
    panic!("two scrapes at once never shared a read");
}

/// How often the maps had been read when `text` was written.
fn reads(text: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix("kernel_exporter_reads_total "));
    value.expect("there from the start").parse::<f64>().expect("a number") as u64
}

/// The lines that come from the snapshot. The others change between two scrapes.
fn measured(text: &str) -> Vec<&str> {
    let own =
        |line: &str| line.contains("kernel_exporter_") || OWN_PROCESS.iter().any(|name| line.contains(name));
    text.lines().filter(|line| !own(line)).collect()
}

/// What every client library says about its process.
const OWN_PROCESS: [&str; 7] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

#[test]
fn compressed_and_plain_are_the_same() {
    or_skip!(root());
    let exporter = Exporter::start("");
    let requests: [Headers<'_>; 2] = [&[("Accept-Encoding", "gzip")], &[("Accept-Encoding", "identity")]];
    let [packed, plain] = of_one_read(&exporter, requests);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(plain.header("content-encoding"), None);
    let mut unpacked = String::new();
    GzDecoder::new(packed.body.as_slice()).read_to_string(&mut unpacked).expect("gzip of text");
    let plain = plain.text();
    assert!(measured(&plain).len() > 500, "{plain}");
    assert_eq!(measured(&unpacked), measured(&plain));
}

#[test]
fn content_follows_accept() {
    or_skip!(root());
    let exporter = Exporter::start("");
    let mut client = exporter.connect();
    for (accept, format) in [
        (TEXT, Format::Text),
        (OPENMETRICS, Format::OpenMetrics),
        (PROTOBUF, Format::Protobuf),
        ("*/*", Format::Text),
        (&format!("{PROTOBUF};q=0.3,{OPENMETRICS};q=0.5,*/*;q=0.1"), Format::OpenMetrics),
    ] {
        let response = client.ask("GET", "/metrics", &[("Accept", accept)]);
        assert_eq!((response.status, response.header("content-type")), (200, Some(format.content_type())));
        match format {
            Format::Text => assert!(response.text().starts_with("# HELP ")),
            Format::OpenMetrics => assert!(response.text().ends_with("\n# EOF\n")),
            // A length, then field 1 of a message: the name.
            Format::Protobuf => assert!(response.body.iter().take(6).any(|byte| *byte == 0x0a)),
        }
    }
}

#[test]
fn methods_and_paths() {
    or_skip!(root());
    let exporter = Exporter::start("");
    let mut client = exporter.connect();
    let head = client.ask("HEAD", "/metrics", &[]);
    assert_eq!((head.status, head.header("content-type")), (200, Some(Format::Text.content_type())));
    assert!(head.header("content-length").expect("as GET").parse::<usize>().expect("a number") > 1000);
    assert_eq!(client.ask("GET", "/metric", &[]).status, 404);
    assert_eq!(client.ask("POST", "/metrics", &[("Content-Length", "0")]).status, 405);
    assert_eq!(client.ask("GET", "/", &[]).status, 200);
    assert_eq!(client.ask("GET", "/healthz", &[]).status, 200);
    assert_eq!(client.ask("GET", "/readyz", &[]).status, 200);
}

#[test]
fn ten_scrapers_at_once_cost_one_read() {
    or_skip!(root());
    let exporter = Exporter::start("");
    // On a busy machine the last of them may come too late to share.
    let shared = (0..20).any(|_| {
        let before = reads(&exporter.text());
        std::thread::sleep(Duration::from_millis(100));
        let mut clients: Vec<_> = (0..10).map(|_| exporter.connect()).collect();
        clients.iter_mut().for_each(|client| client.send("GET", "/metrics", &[]));
        clients.iter_mut().all(|client| reads(&client.receive("GET").text()) == before + 1)
    });
    assert!(shared, "ten scrapes at once never shared one read");
}
