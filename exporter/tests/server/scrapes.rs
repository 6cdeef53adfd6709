//! What scrapers get.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use flate2::read::GzDecoder;
use kernel_exporter::{prometheus::Format, snapshot::Snapshot};

use crate::site::{Response, Server, quick};

#[test]
fn every_format_has_its_content_type() {
    let server = quick();
    for (accept, format) in [
        ("*/*", Format::Text),
        ("application/openmetrics-text;version=1.0.0", Format::OpenMetrics),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            Format::Protobuf,
        ),
        ("\u{fffd}broken", Format::Text),
    ] {
        let response = server.get("/metrics", &format!("Accept: {accept}\r\n"));
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.header("content-type"),
            Some(format.content_type().to_ascii_lowercase().as_str())
        );
        assert_eq!(response.header("content-length"), Some(response.body.len().to_string().as_str()));
        assert_eq!(response.body.ends_with(b"# EOF\n"), format == Format::OpenMetrics);
    }
}

#[test]
fn gzip_when_asked_for() {
    let server = quick();
    let plain = server.get("/metrics", "Accept-Encoding: gzip;q=0\r\n");
    assert_eq!(plain.header("content-encoding"), None);
    let packed = server.get("/metrics", "Accept-Encoding: gzip\r\n");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    GzDecoder::new(packed.body.as_slice()).read_to_string(&mut text).expect("gzip");
    assert!(text.contains("kernel_exporter_build_info{"));
    assert!(packed.body.len() < plain.body.len() / 3);
}

#[test]
fn own_metrics_count_scrapes_and_reads() {
    let server = quick();
    server.get("/metrics", "");
    thread::sleep(Duration::from_millis(60));
    let second = server.get("/metrics", "");
    for line in [
        "kernel_exporter_reads_total 2.0\n",
        "kernel_exporter_scrapes_in_flight 1.0\n",
        "kernel_exporter_scrape_duration_seconds_count{format=\"text\"} 1\n",
        "kernel_exporter_scrape_duration_seconds_count{format=\"protobuf\"} 0\n",
    ] {
        assert!(second.text().contains(line), "{line}");
    }
    assert_eq!(server.health.reads().duration.get_sample_count(), 2);
}

/// A scraper that says how long it waits gets an answer in time, and the read goes on for others.
#[test]
fn a_scrape_that_takes_too_long_is_given_up_in_time() {
    let (release, wait) = mpsc::channel::<()>();
    let server = Server::start(move || {
        let _released = wait.recv();
        Snapshot::empty(SystemTime::now())
    });
    let begun = Instant::now();
    let response = server.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 1.000000\r\n");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(response.status(), 503);
    assert!(response.text().starts_with("reading takes longer than the scrape's timeout allows"));
    assert_eq!(server.health.scrapes().timed_out.get(), 1);
    assert_eq!(server.health.scrapes().in_flight.get(), 0);
    assert!(server.delivered().is_empty());
    drop(release);
    for timeout in ["10", "garbage", "-1"] {
        let header = format!("X-Prometheus-Scrape-Timeout-Seconds: {timeout}\r\n");
        assert_eq!(server.get("/metrics", &header).status(), 200, "{timeout}");
    }
}

#[test]
fn deliveries_name_the_scraper_and_head_is_none() {
    let server = quick();
    let head = server.ask("HEAD /metrics HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    assert_eq!(head.status(), 200);
    assert!(head.body.is_empty());
    assert!(server.delivered().is_empty());
    server.get("/metrics", "User-Agent: Prometheus/3.5.3\r\n");
    server.get("/metrics", "");
    assert_eq!(server.delivered(), ["127.0.0.1 Prometheus/3.5.3", "127.0.0.1"]);
}

#[test]
fn scrapes_beyond_the_limit_are_rejected_and_health_is_not() {
    let (release, wait) = mpsc::channel::<()>();
    let server = Server::start(move || {
        let _released = wait.recv();
        Snapshot::empty(SystemTime::now())
    });
    let waiting: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").expect("sent");
            stream
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(5);
    while server.health.scrapes().in_flight.get() < 40 {
        assert!(Instant::now() < deadline, "forty scrapes are taken");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.get("/metrics", "").status(), 503);
    assert_eq!(server.get("/healthz", "").status(), 200);
    assert_eq!(server.health.scrapes().rejected.get(), 1);
    drop(release);
    for mut stream in waiting {
        assert_eq!(Response::read(&mut stream).status(), 200);
    }
    assert_eq!(server.health.reads().total.get(), 1, "forty scrapes at once cost one read");
    assert_eq!(server.get("/metrics", "").status(), 200, "there is room again");
}
