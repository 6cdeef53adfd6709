//! Whom an endpoint must be, and how it is shown who we are.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::config::ClientTls;

/// The client's side of TLS.
///
/// # Errors
///
/// When a file cannot be read or has nothing in it that is of use.
pub(super) fn client_config(tls: &ClientTls) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("the cryptography has no TLS version in common with us")?
        .with_root_certificates(roots(&tls.ca_file)?);
    if tls.cert_file.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key_file)
        .with_context(|| format!("cannot read the key in {}", tls.key_file))?;
    builder
        .with_client_auth_cert(certificates(&tls.cert_file)?, key)
        .with_context(|| format!("cannot use the certificate in {}", tls.cert_file))
}

fn roots(ca_file: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if ca_file.is_empty() {
        let found = rustls_native_certs::load_native_certs();
        // None is no reason to stop: the endpoint may do without TLS, and a handshake will say what is wrong.
        roots.add_parsable_certificates(found.certs);
        return Ok(roots);
    }
    for certificate in certificates(ca_file)? {
        roots.add(certificate).with_context(|| format!("cannot use a CA in {ca_file}"))?;
    }
    Ok(roots)
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read the certificates in {file}"))?;
    ensure!(!certificates.is_empty(), "no certificate in {file}");
    Ok(certificates)
}
