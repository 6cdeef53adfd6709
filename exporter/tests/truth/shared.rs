//! Scrapes that come together share a read.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::harness::*;

/// Ten requests that are there at the same time, on ten connections, cost one read of the maps; each of the
/// two scrapes around them costs one of its own, and counts it.
#[test]
fn ten_scrapers_at_once_cost_one_read() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");

    let (between, ()) = exporter.during(|| {
        std::thread::sleep(Duration::from_millis(60)); // what is read longer ago is not shared
        let mut connections: Vec<_> =
            (0..10).map(|_| TcpStream::connect(exporter.address).expect("it listens")).collect();
        for connection in &mut connections {
            connection
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: truth\r\nConnection: close\r\n\r\n")
                .expect("it reads");
        }
        for mut connection in connections {
            let mut response = String::new();
            connection.read_to_string(&mut response).expect("a response");
            assert!(response.starts_with("HTTP/1.1 200 "), "{}", &response[..response.len().min(200)]);
            assert!(response.contains("kernel_scheduler_context_switches_total{"));
        }
    });

    assert_eq!(between.count("kernel_exporter_reads_total", &[]), 1 + 1);
}
