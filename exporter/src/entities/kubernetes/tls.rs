//! Whom to believe, and what to show.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};

use super::{access::unusable, failure::Failure};

/// How to know a server.
pub(super) enum Trust {
    /// By a certificate for its host name from one of these authorities, in PEM.
    Authorities(Vec<u8>),
    /// Not at all: whoever answers is believed.
    Anyone,
}

/// TLS with a server. `identity` is a certificate and its key in PEM.
pub(super) fn client(trust: &Trust, identity: Option<&[u8]>) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS", error))?;
    let builder = match trust {
        Trust::Authorities(pem) => builder.with_root_certificates(authorities(pem)?),
        Trust::Anyone => builder.dangerous().with_custom_certificate_verifier(Arc::new(Gullible(provider))),
    };
    let Some(pem) = identity else { return Ok(builder.with_no_client_auth()) };
    let what = "the client certificate";
    let certificates = certificates(pem).map_err(|why| unusable(what, why))?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| unusable(what, error))?;
    builder.with_client_auth_cert(certificates, key).map_err(|error| unusable(what, error))
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, Failure> {
    let what = "the CA's certificates";
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem).map_err(|why| unusable(what, why))? {
        store.add(certificate).map_err(|error| unusable(what, error))?;
    }
    Ok(store)
}

/// All certificates in a PEM file, which has at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in PEM".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(error.to_string()),
    }
}

/// Believes that anybody is who they say, but not that others may speak for them.
#[derive(Debug)]
struct Gullible(Arc<CryptoProvider>);

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
