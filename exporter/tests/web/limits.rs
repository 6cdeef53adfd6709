//! Limits, which TLS must not loosen.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::{
    authority::Folder,
    bench::Bench,
    client::{Client, Response},
};

#[test]
fn requests_beyond_the_rate_are_refused() {
    let bench = Bench::start(&Folder::new(), "rate_limit: {interval: 1h, burst: 3}\n");
    let statuses: Vec<_> =
        (0..5).map(|_| bench.get(&Client::plain(), "/healthz", "").expect("a response").status()).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

/// A header that comes a byte at a time, inside of TLS, is cut off like any other.
#[test]
fn a_slow_header_is_cut_off() {
    let (bench, authority) = Bench::tls("");
    let mut stream = Client::of(&authority).connect(bench.address).expect("connected");
    let begun = Instant::now();
    let mut bytes = b"GET /metrics HTTP/1.1\r\nHost: t\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
    while begun.elapsed() < Duration::from_secs(10) {
        let byte = bytes.next().expect("endless");
        if stream.write_all(&[*byte]).and_then(|()| stream.flush()).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let took = begun.elapsed();
    assert!((4..8).contains(&took.as_secs()), "{took:?}");
}

/// Who connects and says nothing, or half a greeting, is cut off.
#[test]
fn a_slow_handshake_is_cut_off() {
    let (bench, authority) = Bench::tls("");
    for greeting in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n"] {
        let mut stream = TcpStream::connect(bench.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(15))).expect("valid");
        stream.write_all(greeting).expect("sent");
        let begun = Instant::now();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.0 400 "), "{rest:?}");
    }
    assert_eq!(bench.get(&Client::of(&authority), "/healthz", "").expect("a response").status(), 200);
}

/// Handshakes count as connections: more of them than there are slots cost no more than the time they are
/// allowed.
#[test]
fn silent_clients_hold_their_slots_for_a_short_time_only() {
    let (bench, authority) = Bench::tls("");
    let begun = Instant::now();
    let silent: Vec<_> = (0..300).map(|_| TcpStream::connect(bench.address).expect("it listens")).collect();
    let response = bench.get(&Client::of(&authority), "/healthz", "").expect("a response");
    assert_eq!(response.status(), 200);
    assert!((3..12).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    drop(silent);
}

#[test]
fn headers_and_bodies_are_as_limited_as_without_tls() {
    let (bench, authority) = Bench::tls("");
    let status = |headers: &str| {
        let mut stream = Client::of(&authority).connect(bench.address).expect("connected");
        let request = format!("GET /metrics HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        Response::read(&mut stream).expect("a response").status()
    };
    assert_eq!(status(""), 200);
    assert_eq!(status(&format!("X: {}\r\n", "x".repeat(20_000))), 431);
    assert_eq!(status(&"X: y\r\n".repeat(100)), 431);
    assert_eq!(status("Content-Length: 9\r\n"), 413);
}

#[test]
fn shutdown_takes_a_second_at_most() {
    let (bench, authority) = Bench::tls("");
    let _idle = Client::of(&authority).connect(bench.address).expect("connected");
    let _silent = TcpStream::connect(bench.address).expect("it listens");
    assert_eq!(bench.get(&Client::of(&authority), "/healthz", "").expect("a response").status(), 200);
    let took = bench.end();
    assert!(took <= Duration::from_secs(1), "{took:?}");
}
