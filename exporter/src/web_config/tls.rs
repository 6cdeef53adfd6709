//! `tls_server_config`.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Deserializer, Error, SeqAccess, Unexpected, Visitor},
};

use super::names::{CipherSuite, ClientAuth, Curve, TlsVersion};

/// TLS as a server. What must go together goes together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsServer {
    /// The server's certificate and those between it and its CA.
    pub certificate: Pem,
    /// The certificate's private key.
    pub key: Pem,
    /// What is asked of clients.
    pub clients: ClientCertificates,
    /// The lowest version, at least 1.2.
    pub min_version: TlsVersion,
    /// The highest version, at least the lowest one.
    pub max_version: TlsVersion,
    /// Suites of TLS 1.2, the best first; empty for all.
    pub cipher_suites: Vec<CipherSuite>,
    /// Whether the server's order of suites counts, and not the client's.
    pub prefer_server_cipher_suites: bool,
    /// Curves, the best first; empty for all.
    pub curve_preferences: Vec<Curve>,
}

/// What is asked of clients' certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// Whether they are asked for one, and what it must be.
    pub auth: ClientAuth,
    /// Who must have signed it; there whenever they are verified.
    pub ca: Option<Pem>,
    /// If any, it must have one of these names exactly.
    pub allowed_sans: Vec<String>,
}

/// Where certificates or a key stand, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pem {
    /// In the file itself, at this key.
    Inline(&'static str, Secret),
    /// In another file, which this key names, relative to the folder of the first.
    File(&'static str, String),
}

impl Pem {
    /// The key at which it is given.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Inline(key, _) | Self::File(key, _) => key,
        }
    }
}

/// A text that is not shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// The section as it is written. In all texts, empty means absent.
#[derive(PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    cert: Secret,
    cert_file: String,
    key: Secret,
    key_file: String,
    client_ca: Secret,
    client_ca_file: String,
    client_auth_type: ClientAuth,
    #[serde(deserialize_with = "list")]
    client_allowed_sans: Vec<String>,
    min_version: TlsVersion,
    max_version: TlsVersion,
    #[serde(deserialize_with = "list")]
    cipher_suites: Vec<CipherSuite>,
    #[serde(deserialize_with = "list")]
    curve_preferences: Vec<Curve>,
    prefer_server_cipher_suites: bool,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            cert: Secret::default(),
            cert_file: String::new(),
            key: Secret::default(),
            key_file: String::new(),
            client_ca: Secret::default(),
            client_ca_file: String::new(),
            client_auth_type: ClientAuth::default(),
            client_allowed_sans: Vec::new(),
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            prefer_server_cipher_suites: true,
        }
    }
}

/// Reads the section; `None` if there is nothing in it.
pub(super) fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TlsServer>, D::Error> {
    let keys = Keys::deserialize(deserializer)?;
    if keys == Keys::default() { Ok(None) } else { keys.tls_server().map(Some).map_err(D::Error::custom) }
}

impl Keys {
    fn tls_server(self) -> Result<TlsServer, String> {
        let certificate = one(("cert", self.cert), ("cert_file", self.cert_file))?;
        let key = one(("key", self.key), ("key_file", self.key_file))?;
        let ca = one(("client_ca", self.client_ca), ("client_ca_file", self.client_ca_file))?;
        let auth = self.client_auth_type;
        if auth.verifies() && ca.is_none() {
            return Err(
                "client_auth_type asks for client certificates to be verified, so client_ca_file (or \
                        client_ca) must say who signs them"
                    .to_owned(),
            );
        }
        if let Some(ca) = ca.as_ref().filter(|_| auth == ClientAuth::No) {
            return Err(format!("{} has no effect without client_auth_type", ca.key()));
        }
        if !self.client_allowed_sans.is_empty() && !auth.is_mandatory() {
            return Err("client_allowed_sans needs client_auth_type RequireAndVerifyClientCert (or \
                        RequireAnyClientCert), else those without a certificate get in"
                .to_owned());
        }
        if self.max_version < TlsVersion::Tls12 {
            return Err("max_version is below TLS12, the lowest version that is offered".to_owned());
        }
        if self.min_version > self.max_version {
            return Err("min_version is above max_version".to_owned());
        }
        Ok(TlsServer {
            certificate: certificate.ok_or("cert_file (or cert) is missing")?,
            key: key.ok_or("key_file (or key) is missing")?,
            clients: ClientCertificates { auth, ca, allowed_sans: self.client_allowed_sans },
            min_version: self.min_version.max(TlsVersion::Tls12),
            max_version: self.max_version,
            cipher_suites: self.cipher_suites,
            prefer_server_cipher_suites: self.prefer_server_cipher_suites,
            curve_preferences: self.curve_preferences,
        })
    }
}

/// What is given at one of two keys.
fn one(inline: (&'static str, Secret), file: (&'static str, String)) -> Result<Option<Pem>, String> {
    match (inline.1.0.is_empty(), file.1.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Ok(Some(Pem::Inline(inline.0, inline.1))),
        (true, false) => Ok(Some(Pem::File(file.0, file.1))),
        (false, false) => Err(format!("both {} and {} are given", inline.0, file.0)),
    }
}

/// Reads a list that is not empty. An empty one could mean all or none: leaving out the key means all.
fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct List<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list with at least one element")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(element) = elements.next_element()? {
                list.push(element);
            }
            if list.is_empty() { Err(A::Error::invalid_value(Unexpected::Seq, &self)) } else { Ok(list) }
        }
    }

    deserializer.deserialize_seq(List(PhantomData))
}
