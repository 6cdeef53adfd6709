//! The server over loopback: what it answers, what it refuses, and how it ends.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use flate2::read::GzDecoder;
use kernel_exporter::{
    config,
    health::Health,
    live::Live,
    prometheus::{Exposition, ExpositionOptions, Format},
    server::{CollectorStatus, Cost, Hub, Outcome, Reloads, Site, Web, router, serve},
    snapshot::Snapshot,
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{oneshot, watch},
};

/// A server in threads of its own, until it is dropped.
struct Server {
    address: SocketAddr,
    health: Arc<Health>,
    hub: Arc<Hub>,
    live: Arc<Live>,
    delivered: Arc<Mutex<Vec<String>>>,
    /// Answers every request for a reload with this, while there is something.
    reload: Arc<Mutex<Option<Outcome>>>,
    reloads: Arc<Reloads>,
    shutdown: Option<oneshot::Sender<()>>,
    ended: mpsc::Receiver<()>,
    /// Always there, until it is dropped.
    runtime: Option<Runtime>,
}

impl Server {
    fn start(read: impl FnMut() -> Snapshot + Send + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let health = Arc::new(Health::new().expect("names are distinct"));
        let live = Arc::new(Live::new(&config::Live::default(), health.live().clone()));
        let history = Arc::clone(&live);
        let observer = move |snapshot: &Arc<Snapshot>| history.offer(snapshot);
        let hub = Arc::new(Hub::observed(read, Duration::from_millis(50), health.reads().clone(), observer));
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let (reloads, mut requests) = Reloads::new();
        let log = Arc::clone(&delivered);
        let site = Site {
            hub: Arc::clone(&hub),
            health: Arc::clone(&health),
            exposition: watch::channel(Arc::new(Exposition::new(&ExpositionOptions::default()))).1,
            collectors: Box::new(|| {
                vec![CollectorStatus { name: "<b>".to_owned(), up: true, detail: "tp_btf".to_owned() }]
            }),
            cost: Box::new(Cost::default),
            live: Arc::clone(&live),
            on_delivered: Box::new(move |scraper, _| log.lock().expect("no panic").push(scraper.to_owned())),
            reloads: Arc::clone(&reloads),
        };
        let web = Web::load("", health.registry()).expect("nothing is asked");
        let reload = Arc::new(Mutex::new(None));
        let outcome: Arc<Mutex<Option<Outcome>>> = Arc::clone(&reload);
        runtime.spawn(async move {
            let mut waiting = Vec::new();
            while let Some(answer) = requests.recv().await {
                match outcome.lock().expect("no panic").clone() {
                    Some(outcome) => drop(answer.send(outcome)),
                    None => waiting.push(answer),
                }
            }
        });
        let (shutdown, stop) = oneshot::channel::<()>();
        let (end, ended) = mpsc::channel();
        runtime.spawn(async move {
            serve(listener, router(site), web, async { drop(stop.await) }).await;
            drop(end);
        });
        let (shutdown, runtime) = (Some(shutdown), Some(runtime));
        Self { address, health, hub, live, delivered, reload, reloads, shutdown, ended, runtime }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("valid");
        stream
    }

    /// Sends one request on a connection of its own and reads until the server closes it.
    fn ask(&self, request: &str) -> Response {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("sent");
        Response::read(&mut stream)
    }

    fn get(&self, path: &str, headers: &str) -> Response {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n"))
    }

    fn delivered(&self) -> Vec<String> {
        self.delivered.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    /// Without waiting: a test that failed may have left a read that never ends.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn quick() -> Server {
    Server::start(|| Snapshot::empty(SystemTime::now()))
}

struct Response {
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("a response");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a header") + 4;
        let body = bytes.split_off(end);
        Self { head: String::from_utf8(bytes).expect("a header of text").to_ascii_lowercase(), body }
    }

    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

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
fn readiness_waits_for_the_first_read() {
    let server = quick();
    assert_eq!(server.get("/healthz", "").status(), 200);
    let early = server.get("/readyz", "");
    assert_eq!((early.status(), early.text()), (503, "not ready: the maps have not been read yet\n"));
    server.runtime.as_ref().expect("not dropped").block_on(server.hub.fresh());
    assert_eq!(server.get("/readyz", "").status(), 200);
}

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
