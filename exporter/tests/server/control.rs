//! What is refused, reloaded, cut off and ended.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use kernel_exporter::snapshot::Snapshot;

use crate::site::{Response, Server, quick};

#[test]
fn readiness_waits_for_the_first_read() {
    let server = quick();
    assert_eq!(server.get("/healthz", "").status(), 200);
    let early = server.get("/readyz", "");
    assert_eq!((early.status(), early.text()), (503, "not ready: the maps have not been read yet\n"));
    server.runtime.as_ref().expect("not dropped").block_on(server.hub.fresh());
    assert_eq!(server.get("/readyz", "").status(), 200);
}

#[test]
fn what_is_refused() {
    let server = quick();
    let ask = |request: &str| server.ask(&format!("{request}\r\n")).status();
    assert_eq!(server.get("/nothing", "").status(), 404);
    assert_eq!(server.get("/metrics/", "").status(), 404);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let response =
            server.ask(&format!("{method} /metrics HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.header("allow"), Some("get,head"));
    }
    assert_eq!(ask("GET /metrics HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n"), 413);
    assert_eq!(ask("GET /metrics HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"), 413);
    assert_eq!(ask(&format!("GET / HTTP/1.1\r\nHost: t\r\nX: {}\r\n", "x".repeat(20_000))), 431);
    assert_eq!(ask(&format!("GET / HTTP/1.1\r\nHost: t\r\n{}", "X: y\r\n".repeat(100))), 431);
    assert!(server.delivered().is_empty(), "nobody got metrics");
}

#[test]
fn reloads_are_off_unless_allowed() {
    let server = quick();
    let post = || server.ask("POST /-/reload HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    *server.reload.lock().expect("no panic") = Some(Ok(()));
    let refused = post();
    assert_eq!(refused.status(), 403);
    assert!(refused.text().contains("reload.http"), "{}", refused.text());

    server.reloads.allow_requests(true);
    assert_eq!(post().status(), 200);
    assert_eq!(server.get("/-/reload", "").status(), 405);
    *server.reload.lock().expect("no panic") = Some(Err("config.yaml:1:1: x: no".to_owned()));
    let failed = post();
    assert_eq!(failed.status(), 500);
    assert!(failed.text().contains("config.yaml:1:1: x: no"), "{}", failed.text());
}

#[test]
fn a_slow_header_is_cut_off() {
    let server = quick();
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost:").expect("sent");
    let begun = Instant::now();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the server closes");
    let took = begun.elapsed();
    assert!((4..8).contains(&took.as_secs()), "{took:?}");
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "no metrics");
}

#[test]
fn shutdown_takes_a_second_at_most() {
    // One connection is idle after a response, one is silent, one waits for a read that does not end.
    let (release, wait) = mpsc::channel::<()>();
    let mut server = Server::start(move || {
        let _released = wait.recv();
        Snapshot::empty(SystemTime::now())
    });
    let mut idle = server.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n").expect("sent");
    assert!(idle.read(&mut [0; 1024]).expect("a response") > 0);
    let _silent = server.connect();
    let mut stuck = server.connect();
    stuck.write_all(b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n").expect("sent");
    thread::sleep(Duration::from_millis(100));

    let begun = Instant::now();
    drop(server.shutdown.take());
    let ended = server.ended.recv_timeout(Duration::from_secs(5));
    assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected), "the server ended");
    assert!(begun.elapsed() <= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(idle.read(&mut [0; 16]).expect("closed in order"), 0);
    let refused = TcpStream::connect(server.address).expect_err("nobody listens");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    drop(release);
}

#[test]
fn shutdown_lets_a_response_finish() {
    let mut server = Server::start(|| {
        thread::sleep(Duration::from_millis(300));
        Snapshot::empty(SystemTime::now())
    });
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n").expect("sent");
    thread::sleep(Duration::from_millis(100));
    drop(server.shutdown.take());
    let response = Response::read(&mut stream);
    assert_eq!(response.status(), 200);
    assert!(response.text().contains("kernel_exporter_build_info"));
}
