//! From a connection to one with TLS.

use std::{io, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A client must be done within this time.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What Go's servers say, with the version that any client understands.
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Sets up TLS. A client that speaks HTTP at once is told.
pub(in crate::server) async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let setup = async {
        let mut first = [0];
        // Methods of HTTP begin with a capital letter, and nothing that TLS begins with is one.
        if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
            return Err(tell(stream)
                .await
                .err()
                .unwrap_or_else(|| io::Error::other("plain HTTP to a TLS port")));
        }
        TlsAcceptor::from(config).accept(stream).await
    };
    timeout(HANDSHAKE_TIMEOUT, setup).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Answers, and waits for the client to go: closing a connection with something left to read resets it, and
/// the client might never see the answer.
async fn tell(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(NOT_TLS).await?;
    stream.shutdown().await?;
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
