//! Connections: how many, how long, and how they end.

use std::{future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, middleware::from_fn_with_state};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::web::{Web, handshake, protect};

/// Connections at the same time; those beyond wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;

/// A request's header must be complete within this time, and the next one begun on an idle connection. A
/// scraper whose connection was closed in between opens another one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes in a request's header.
const MAX_HEADER_SIZE: usize = 16 << 10;

/// Lines in a request's header.
const MAX_HEADERS: usize = 64;

/// A client that takes nothing of a response for this long is cut off by the kernel.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Responses in flight may go on for this long after the shutdown; supervisors are promised one second.
const GRACE: Duration = Duration::from_millis(900);

/// How long to wait when a connection cannot be accepted, which is when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests on `listener`, as far as `web` lets them through, until `shutdown` is ready, and at most
/// a second longer.
///
/// Handlers find the client's address as [`ConnectInfo<SocketAddr>`].
pub async fn serve(listener: TcpListener, router: Router, web: Arc<Web>, shutdown: impl Future<Output = ()>) {
    let router = router.layer(from_fn_with_state(Arc::clone(&web), protect));
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    // Dropped, it ends the connections that are left.
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (stream, peer, slot) = accept(&listener, &slots) => {
                let connection = Connection { peer, router: router.clone(), watcher: graceful.watcher() };
                let web = Arc::clone(&web);
                connections.spawn(async move {
                    connection.run(stream, &web).await;
                    drop(slot);
                });
            }
        }
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::debug!(open = connections.len(), "connections cut off at shutdown");
    }
}

/// A client, and what it gets.
struct Connection {
    peer: SocketAddr,
    router: Router,
    /// Tells of the shutdown, which waits for it.
    watcher: Watcher,
}

impl Connection {
    async fn run(self, stream: TcpStream, web: &Arc<Web>) {
        let Some(config) = web.current().await.tls.clone() else {
            return self.answer(stream).await;
        };
        match handshake(stream, config).await {
            Ok(stream) => self.answer(stream).await,
            Err(error) => {
                web.metrics.tls_errors.inc();
                tracing::debug!(peer = %self.peer, %error, "no TLS");
            }
        }
    }

    /// Answers requests until either side has enough.
    async fn answer(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { peer, router, watcher } = self;
        let connection = http().serve_connection(TokioIo::new(stream), service(&router, peer));
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, %error, "connection ended early");
        }
    }
}

/// The next connection, once there is a slot for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let socket = SockRef::from(&stream);
                let bounded = socket.set_tcp_user_timeout(Some(STALL_TIMEOUT));
                if let Err(error) = bounded.and_then(|()| socket.set_tcp_nodelay(true)) {
                    tracing::debug!(%peer, %error, "socket options");
                }
                return (stream, peer, slot);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MAX_HEADER_SIZE)
        .max_headers(MAX_HEADERS);
    http
}

/// The router for one connection.
fn service(
    router: &Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> + use<> {
    let router = TowerToHyperService::new(router.clone());
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        hyper::service::Service::call(&router, request)
    })
}
