//! Certificates of an authority that nobody else knows, and endpoints that insist on them.

use std::{fs, path::PathBuf, sync::Arc};

use kernel_exporter::config::{ClientTls, Protocol, Temporality};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio_rustls::TlsAcceptor;
use tonic::transport::{Certificate, Identity};

use super::bench::Bench;

/// An authority with a server's and a client's certificate, in files that go with it.
pub(crate) struct Authority {
    folder: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("otlp-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let mut params = CertificateParams::new([]).expect("valid");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
        let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("written");
        write("ca.pem", issuer.pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().expect("a key");
            let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("valid");
            write(&format!("{name}.pem"), params.signed_by(&key, &issuer).expect("signed").pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("text").to_owned()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("written above")
    }

    pub(crate) fn grpc(&self) -> (Identity, Certificate) {
        let identity = Identity::from_pem(self.text("server.pem"), self.text("server.key"));
        (identity, Certificate::from_pem(self.text("ca.pem")))
    }

    pub(crate) fn http(&self) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).expect("read")).expect("added");
        let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
        let chain = vec![CertificateDer::from_pem_file(self.path("server.pem")).expect("read")];
        let key = PrivateKeyDer::from_pem_file(self.path("server.key")).expect("read");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(clients.build().expect("roots"))
            .with_single_cert(chain, key)
            .expect("a certificate");
        TlsAcceptor::from(Arc::new(config))
    }

    fn client(&self) -> ClientTls {
        ClientTls {
            ca_file: self.path("ca.pem"),
            cert_file: self.path("client.pem"),
            key_file: self.path("client.key"),
        }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Both sides show certificates of the same authority.
#[test]
fn own_authority_and_client_certificate() {
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let authority = Authority::new(&format!("{protocol:?}"));
        let bench = Bench::new(protocol, Temporality::Cumulative).with_tls(&authority);
        let _pushes = bench.push(|endpoint| endpoint.tls = authority.client());
        bench.shared.wait_for("a push over TLS", |record| !record.totals().is_empty());
    }
}

/// Without the authority's certificate the endpoint is not believed; without its own the exporter isn't.
#[test]
fn strangers_are_refused() {
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let authority = Authority::new(&format!("strangers-{protocol:?}"));
        let bench = Bench::new(protocol, Temporality::Cumulative).with_tls(&authority);
        for tls in [
            ClientTls { ca_file: authority.path("ca.pem"), ..ClientTls::default() },
            ClientTls { ca_file: String::new(), ..authority.client() },
        ] {
            let pushes = bench.push(|endpoint| endpoint.tls = tls);
            pushes.wait_for("failures", |metrics| metrics.total("failures_total") >= 2.0);
            assert!(bench.shared.lock().arrivals.is_empty());
        }
    }
}
