//! A TLS endpoint on loopback that can be down and come up at the same address.

use std::{net::SocketAddr, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

/// A CA, and a certificate of its making for 127.0.0.1.
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    acceptor: TlsAcceptor,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "a CA for tests");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");

        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
        let certificate = params.signed_by(&key, &ca).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("they belong together");
        Self { ca_pem: ca.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

/// An address that is ours, whether somebody listens or not.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    acceptor: TlsAcceptor,
    /// Bound and not listening: connections are refused, and nobody else gets the port.
    _reserved: TcpSocket,
    connections: Option<JoinSet<()>>,
}

impl Endpoint {
    /// Nobody listens yet.
    pub(crate) fn new(certificates: &Certificates) -> Self {
        let reserved = TcpSocket::new_v4().expect("a socket");
        reserved.set_reuseport(true).expect("Linux has it");
        reserved.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback");
        let address = reserved.local_addr().expect("it is bound");
        Self { address, acceptor: certificates.acceptor.clone(), _reserved: reserved, connections: None }
    }

    /// Listens, and hands every connection to `serve`.
    pub(crate) fn up<F>(&mut self, serve: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("Linux has it");
        socket.set_reuseport(true).expect("Linux has it");
        socket.bind(self.address).expect("the port is reserved");
        let listener = socket.listen(16).expect("it is bound");
        let acceptor = self.acceptor.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, acceptor, serve));
        self.connections = Some(tasks);
    }

    /// Stops listening and breaks all connections off.
    pub(crate) async fn down(&mut self) {
        if let Some(mut tasks) = self.connections.take() {
            tasks.shutdown().await;
        }
    }
}

/// Connections end with the listener, because they are in a set of its own.
async fn accept<F>(listener: TcpListener, acceptor: TlsAcceptor, serve: impl Fn(TlsStream<TcpStream>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { return };
                // A client that doesn't like the certificate leaves here.
                if let Ok(stream) = acceptor.accept(stream).await {
                    connections.spawn(serve(stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
