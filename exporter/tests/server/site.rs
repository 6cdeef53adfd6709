//! A server in threads of its own, and what it answers.

use std::{
    io::{Read, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, SystemTime},
};

use kernel_exporter::{
    config,
    health::Health,
    live::Live,
    prometheus::{Exposition, ExpositionOptions},
    server::{CollectorStatus, Cost, Hub, Outcome, Reloads, Site, Web, router, serve},
    snapshot::Snapshot,
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{oneshot, watch},
};

/// A server in threads of its own, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) health: Arc<Health>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) live: Arc<Live>,
    pub(crate) delivered: Arc<Mutex<Vec<String>>>,
    /// Answers every request for a reload with this, while there is something.
    pub(crate) reload: Arc<Mutex<Option<Outcome>>>,
    pub(crate) reloads: Arc<Reloads>,
    pub(crate) shutdown: Option<oneshot::Sender<()>>,
    pub(crate) ended: mpsc::Receiver<()>,
    /// Always there, until it is dropped.
    pub(crate) runtime: Option<Runtime>,
}

impl Server {
    pub(crate) fn start(read: impl FnMut() -> Snapshot + Send + 'static) -> Self {
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

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("valid");
        stream
    }

    /// Sends one request on a connection of its own and reads until the server closes it.
    pub(crate) fn ask(&self, request: &str) -> Response {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("sent");
        Response::read(&mut stream)
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> Response {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n"))
    }

    pub(crate) fn delivered(&self) -> Vec<String> {
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

pub(crate) fn quick() -> Server {
    Server::start(|| Snapshot::empty(SystemTime::now()))
}

pub(crate) struct Response {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("a response");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a header") + 4;
        let body = bytes.split_off(end);
        Self { head: String::from_utf8(bytes).expect("a header of text").to_ascii_lowercase(), body }
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}
