//! The web configuration: TLS, users, response headers and a rate limit.
//!
//! The format is the one that Prometheus, Alertmanager and the exporters of exporter-toolkit share, so that
//! one file can serve them all and `promtool check web-config` can check it. This module reads the text and
//! does no I/O; [`crate::server::Web`] reads the files that it names and keeps up with their changes.
//!
//! It is stricter than the original where a mistake would leave a door open: a section without a certificate,
//! two sources of one key, client certificates that nobody signs. What rustls does not have (TLS before 1.2,
//! CBC cipher suites, the curve P-521) is an error where it is asked for, except as `min_version`, where more
//! is given than was asked.

mod duration;
mod headers;
mod names;
mod rate;
mod tls;
mod users;

pub use headers::ResponseHeaders;
pub use names::{CipherSuite, ClientAuth, Curve, TlsVersion};
pub use rate::RateLimit;
pub use tls::{ClientCertificates, Pem, Secret, TlsServer};
pub use users::{PasswordHash, Users};

use serde::Deserialize;

use crate::config::{self, Error};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebConfig {
    /// TLS; `None` for plain HTTP.
    #[serde(deserialize_with = "tls::checked")]
    pub tls_server_config: Option<TlsServer>,
    /// HTTP.
    pub http_server_config: HttpServer,
    /// Who is let in; everybody if there are none.
    pub basic_auth_users: Users,
    /// How many requests are answered; `None` for all.
    #[serde(deserialize_with = "rate::checked")]
    pub rate_limit: Option<RateLimit>,
}

impl WebConfig {
    /// Reads the content of a file, whose name is used in errors.
    ///
    /// # Errors
    ///
    /// When anything in it is not as documented. The error shows neither keys nor password hashes.
    pub fn from_yaml(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        config::from_yaml(file, bytes)
    }
}

/// HTTP.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpServer {
    /// Whether clients may speak HTTP/2. This server offers HTTP/1.1 only, which all clients of HTTP/2 speak
    /// as well.
    pub http2: bool,
    /// Headers of all responses.
    pub headers: ResponseHeaders,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self { http2: true, headers: ResponseHeaders::default() }
    }
}
