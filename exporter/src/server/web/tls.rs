//! TLS as a server: what a web configuration means to rustls.

use std::sync::Arc;

use rustls::{
    RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{
        CryptoProvider,
        ring::{self, cipher_suite as suite, kx_group},
    },
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};

use super::client_certificates::Verifier;
use crate::web_config::{CipherSuite, ClientAuth, ClientCertificates, Curve, TlsServer, TlsVersion};

/// The content of the files that a configuration names, or what stands in it in their place.
pub(super) struct Pems {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) client_ca: Option<Vec<u8>>,
}

/// What is wrong, and at which key of `tls_server_config`.
#[derive(Debug)]
pub(super) struct TlsProblem {
    pub(super) key: &'static str,
    pub(super) reason: String,
}

impl TlsProblem {
    fn new(key: &'static str, reason: impl ToString) -> Self {
        Self { key, reason: reason.to_string() }
    }
}

/// What rustls needs to know.
pub(super) fn server_config(tls: &TlsServer, pems: &Pems) -> Result<ServerConfig, TlsProblem> {
    let provider = Arc::new(provider(tls));
    let versions: Vec<&SupportedProtocolVersion> = [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)]
        .into_iter()
        .filter(|(version, _)| (tls.min_version..=tls.max_version).contains(version))
        .map(|(_, version)| version)
        .collect();
    let chain = certificates(tls.certificate.key(), &pems.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&pems.key)
        .map_err(|_| TlsProblem::new(tls.key.key(), "not a private key in PEM without a passphrase"))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|_| TlsProblem::new("cipher_suites", "none of them is of the versions that are allowed"))?;
    let builder = match client_verifier(&tls.clients, pems, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| unfit(tls, &error))?;
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if tls.clients.auth != ClientAuth::No {
        // A resumed session would bring its certificate along unchecked, though it may have expired since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    Ok(config)
}

/// Why certificate and key cannot be used together.
fn unfit(tls: &TlsServer, error: &rustls::Error) -> TlsProblem {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            let reason = format!("not the key of the certificate in {}", tls.certificate.key());
            TlsProblem::new(tls.key.key(), reason)
        }
        rustls::Error::InvalidCertificate(_) => TlsProblem::new(tls.certificate.key(), error),
        _ => TlsProblem::new(tls.key.key(), error),
    }
}

/// All certificates of a PEM text, of which there must be one.
fn certificates(key: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let broken = || TlsProblem::new(key, "not certificates in PEM");
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| broken())?;
    if chain.is_empty() { Err(broken()) } else { Ok(chain) }
}

/// `None` when clients are not asked for certificates.
fn client_verifier(
    clients: &ClientCertificates,
    pems: &Pems,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsProblem> {
    if clients.auth == ClientAuth::No {
        return Ok(None);
    }
    let chain = match (&clients.ca, &pems.client_ca) {
        (Some(ca), Some(pem)) if clients.auth.verifies() => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca.key(), pem)? {
                roots.add(certificate).map_err(|error| TlsProblem::new(ca.key(), error))?;
            }
            let chain =
                WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider)).build();
            Some(chain.map_err(|error| TlsProblem::new(ca.key(), error))?)
        }
        _ => None,
    };
    Ok(Some(Arc::new(Verifier {
        chain,
        mandatory: clients.auth.is_mandatory(),
        allowed_names: clients.allowed_sans.clone(),
        algorithms: provider.signature_verification_algorithms,
    })))
}

/// ring's algorithms, less those that were not asked for.
fn provider(tls: &TlsServer) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if !tls.cipher_suites.is_empty() {
        // As in Go, the list is about TLS 1.2; all suites of 1.3 are good, and it cannot do without.
        provider.cipher_suites.retain(|suite| suite.tls13().is_some());
        let asked = tls.cipher_suites.iter().map(|name| supported(*name));
        provider.cipher_suites.extend(asked.filter(|suite| suite.tls13().is_none()));
    }
    if !tls.curve_preferences.is_empty() {
        let group = |curve: &Curve| match curve {
            Curve::X25519 => kx_group::X25519,
            Curve::P256 => kx_group::SECP256R1,
            Curve::P384 => kx_group::SECP384R1,
        };
        provider.kx_groups = tls.curve_preferences.iter().map(group).collect();
    }
    provider
}

fn supported(name: CipherSuite) -> SupportedCipherSuite {
    match name {
        CipherSuite::Aes128Gcm => suite::TLS13_AES_128_GCM_SHA256,
        CipherSuite::Aes256Gcm => suite::TLS13_AES_256_GCM_SHA384,
        CipherSuite::ChaCha20 => suite::TLS13_CHACHA20_POLY1305_SHA256,
        CipherSuite::EcdsaAes128Gcm => suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaAes256Gcm => suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaChaCha20 => suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaAes128Gcm => suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaAes256Gcm => suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaChaCha20 => suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}
