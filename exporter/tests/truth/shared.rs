//! Scrapes that come together share a read.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::harness::*;

/// Ten requests that are there at the same time, on ten connections that are open already, cost one read of
/// the maps; each of the two scrapes around them costs one of its own, and counts it.
#[test]
fn ten_scrapers_at_once_cost_one_read() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let mut connections: Vec<_> = (0..10)
        .map(|_| {
            let mut connection = TcpStream::connect(exporter.address).expect("it listens");
            let (status, _) = get(&mut connection, "/healthz");
            assert_eq!(status, "HTTP/1.1 200 OK");
            connection
        })
        .collect();

    let (between, ()) = exporter.during(|| {
        std::thread::sleep(Duration::from_millis(60)); // a read longer ago than 50 ms is not shared
        for connection in &mut connections {
            ask(connection, "/metrics");
        }
        for connection in &mut connections {
            let (status, body) = answer(connection);
            assert_eq!(status, "HTTP/1.1 200 OK");
            assert!(body.contains("kernel_scheduler_context_switches_total{"));
        }
    });

    assert_eq!(between.count("kernel_exporter_reads_total", &[]), 1 + 1);
}

fn get(connection: &mut TcpStream, path: &str) -> (String, String) {
    ask(connection, path);
    answer(connection)
}

fn ask(connection: &mut TcpStream, path: &str) {
    write!(connection, "GET {path} HTTP/1.1\r\nHost: truth\r\n\r\n").expect("it reads");
}

/// The status line and the body.
fn answer(connection: &mut TcpStream) -> (String, String) {
    let mut lines = BufReader::new(connection);
    let (mut status, mut length) = (String::new(), 0);
    lines.read_line(&mut status).expect("a status");
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).expect("a header");
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().expect("a number");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).expect("a body as long as said");
    (status.trim().to_owned(), String::from_utf8(body).expect("UTF-8"))
}
