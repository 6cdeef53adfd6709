//! A server with a web configuration in a folder of its own.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant, SystemTime},
};

use kernel_exporter::{
    config,
    health::Health,
    live::Live,
    prometheus::{Exposition, ExpositionOptions},
    server::{Cost, Hub, Reloads, Site, Web, router, serve},
    snapshot::Snapshot,
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{oneshot, watch},
};

use crate::{
    authority::{Authority, Folder},
    client::{Client, Response},
};

/// What makes the server speak TLS with the certificate that [`Bench::tls`] wrote.
pub(crate) const TLS: &str = "cert_file: server.crt\n  key_file: server.key\n";

/// A server in threads of its own, until it is dropped.
pub(crate) struct Bench {
    pub(crate) folder: Folder,
    pub(crate) address: SocketAddr,
    pub(crate) delivered: Arc<Mutex<Vec<String>>>,
    shutdown: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<()>,
    /// Always there, until it is dropped.
    runtime: Option<Runtime>,
}

impl Bench {
    /// A server with this web configuration, in a folder with the files that it names.
    pub(crate) fn start(folder: &Folder, web_config: &str) -> Self {
        folder.write("web.yml", web_config);
        let builder = &mut tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let health = Arc::new(Health::new().expect("names are distinct"));
        let delivered = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&delivered);
        let read = || Snapshot::empty(SystemTime::now());
        let file = folder.path("web.yml");
        let web = Web::load(file.to_str().expect("text"), health.registry()).expect("it is valid");
        let site = Site {
            hub: Arc::new(Hub::new(read, Duration::from_millis(50), health.reads().clone())),
            live: Arc::new(Live::new(&config::Live::default(), health.live().clone())),
            cost: Box::new(Cost::default),
            health,
            exposition: watch::channel(Arc::new(Exposition::new(&ExpositionOptions::default()))).1,
            collectors: Box::new(Vec::new),
            on_delivered: Box::new(move |scraper, _| log.lock().expect("no panic").push(scraper.to_owned())),
            reloads: Reloads::new().0,
        };
        let (shutdown, stop) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        runtime.spawn(async move {
            serve(listener, router(site), web, async { drop(stop.await) }).await;
            drop(end);
        });
        let folder = folder.clone();
        Self { folder, address, delivered, shutdown: Some(shutdown), ended, runtime: Some(runtime) }
    }

    /// A server with TLS and more lines in that section, and one who believes it.
    pub(crate) fn tls(more: &str) -> (Self, Authority) {
        let (folder, authority) = (Folder::new(), Authority::new());
        authority.issue("localhost").write(&folder, "server");
        folder.write("ca.crt", &authority.pem());
        (Self::start(&folder, &format!("tls_server_config:\n  {TLS}{more}")), authority)
    }

    /// What a client gets on a connection of its own.
    pub(crate) fn get(&self, client: &Client, path: &str, headers: &str) -> io::Result<Response> {
        client.get(self.address, path, headers)
    }

    /// Waits until `holds`, for ten seconds at most.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !holds() {
            assert!(Instant::now() < deadline, "not in time: {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the server, and tells how long it took.
    pub(crate) fn end(mut self) -> Duration {
        let begun = Instant::now();
        drop(self.shutdown.take());
        while self.ended.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
            assert!(begun.elapsed() < Duration::from_secs(5), "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
        begun.elapsed()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
