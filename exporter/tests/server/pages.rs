//! The live page, as far as the server knows of it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use flate2::read::GzDecoder;
use kernel_exporter::{config, snapshot::Snapshot};

use crate::site::{Response, Server, quick};

#[test]
fn the_page_loads_nothing_but_its_own_files() {
    let server = quick();
    let page = server.get("/", "");
    assert_eq!(page.status(), 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("://"), "{policy}");
    assert!(page.text().contains("<th scope=\"row\">&lt;b&gt;</th><td>up</td><td>tp_btf</td>"));

    let mut files: Vec<String> = linked(page.text(), &["href=\"page/", "src=\"page/"]);
    let mut followed = 0;
    while let Some(file) = files.get(followed).cloned() {
        followed += 1;
        let asset = server.get(&format!("/page/{file}"), "");
        assert_eq!(asset.status(), 200, "{file}");
        let kind = match file.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(asset.header("content-type"), Some(kind), "{file}");
        for import in linked(asset.text(), &["from \"./"]) {
            if !files.contains(&import) {
                files.push(import);
            }
        }
    }
    assert!(followed >= 12, "{files:?}");
    assert_eq!(server.get("/page/", "").status(), 404);
    assert_eq!(server.get("/page/index.html", "").status(), 404);
    for path in linked(page.text(), &["<li><a href=\""]) {
        assert_eq!(server.get(&format!("/{path}"), "").status(), 200, "{path}");
    }
}

/// What stands behind each of these, up to the next quote.
fn linked(text: &str, marks: &[&str]) -> Vec<String> {
    let behind = |mark| text.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
    marks.iter().flat_map(|mark| behind(*mark)).map(str::to_owned).collect()
}

#[test]
fn an_open_page_is_told_what_is_new_and_is_no_scraper() {
    let server = quick();
    let ask = |question: &str| {
        let response = server.get(&format!("/api/live{question}"), "User-Agent: browser\r\n");
        assert_eq!(response.status(), 200, "{}", response.text());
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        serde_json::from_slice::<serde_json::Value>(&response.body).expect("JSON")
    };
    let whole = ask("");
    assert!(whole["whole"]["metrics"].as_array().is_some_and(|metrics| metrics.len() > 10), "{whole}");
    assert!(whole["age"].as_f64().is_some_and(|age| (0.0..2.0).contains(&age)));
    assert_eq!(whole["collectors"][0]["name"], "<b>");
    let next = ask(&format!("?window=600&since={}", whole["here"].as_str().expect("text")));
    assert!(next.get("whole").is_none(), "{next}");
    let other = ask("?since=7-3");
    assert!(other["whole"].is_object(), "another exporter's columns are worth nothing: {other}");
    assert_eq!(server.health.reads().total.get(), 1, "pages that ask within two seconds share a read");
    assert_eq!(server.live.metrics().requests.get(), 3);
    assert!(server.delivered().is_empty(), "a page carries nothing away");
    let packed = server.get("/api/live", "Accept-Encoding: gzip\r\n");
    let mut text = String::new();
    GzDecoder::new(packed.body.as_slice()).read_to_string(&mut text).expect("gzip");
    assert!(text.starts_with("{\"age\":"));
}

#[test]
fn what_a_page_may_not_ask() {
    let server = quick();
    for (question, mistake) in [
        ("since=x", "since: expected"),
        ("since=1-", "since: expected"),
        ("since=-1-1", "since: expected"),
        ("window=0", "window: expected"),
        ("window=3601", "window: expected"),
        ("window=1m", "window: expected"),
    ] {
        let refused = server.get(&format!("/api/live?{question}"), "");
        assert_eq!(refused.status(), 400, "{question}");
        assert!(refused.text().starts_with(mistake), "{}", refused.text());
    }
    assert_eq!(server.get("/api/live?since=&window=60", "").status(), 200);
}

#[test]
fn without_a_live_page_there_is_a_plain_one() {
    let server = quick();
    server.live.configure(&config::Live { enabled: false, ..config::Live::default() });
    let page = server.get("/", "");
    assert!(!page.text().contains("<script"));
    assert!(page.text().contains("<th scope=\"row\">&lt;b&gt;</th><td>up</td><td>tp_btf</td>"));
    let refused = server.get("/api/live", "");
    assert_eq!(refused.status(), 404);
    assert!(refused.text().contains("live.enabled"), "{}", refused.text());
}

#[test]
fn pages_beyond_the_limit_are_refused_and_scrapes_are_not() {
    let (release, wait) = mpsc::channel::<()>();
    let server = Server::start(move || {
        let _released = wait.recv();
        Snapshot::empty(SystemTime::now())
    });
    let waiting: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = server.connect();
            stream
                .write_all(b"GET /api/live HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
                .expect("sent");
            stream
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(5);
    while server.live.metrics().rejected.get() < 8 {
        assert!(Instant::now() < deadline, "{} refused", server.live.metrics().rejected.get());
        thread::sleep(Duration::from_millis(5));
    }
    drop(release);
    assert_eq!(server.get("/metrics", "").status(), 200);
    let answers = waiting.into_iter().map(|mut stream| Response::read(&mut stream).status());
    let mut answers: Vec<_> = answers.collect();
    answers.sort_unstable();
    assert_eq!(answers, [[200; 32].as_slice(), &[503; 8]].concat());
}
