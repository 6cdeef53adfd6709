//! Where a server is, how to know it, and how to be let in.

use std::{
    env, fmt, fs,
    net::Ipv6Addr,
    path::{Path, PathBuf},
};

use hyper::header::HeaderValue;

use super::{
    failure::{Failure, Reason},
    tls::Trust,
};
use crate::config;

/// Where a pod finds its token and the cluster's CA.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Everything that it takes to ask a server.
pub(super) struct Access {
    /// `https://HOST:PORT`, with nothing behind it.
    pub(super) url: String,
    /// How to know the server.
    pub(super) trust: Trust,
    /// A certificate and its key in PEM, to show to the server.
    pub(super) identity: Option<Vec<u8>>,
    /// A token to send along.
    pub(super) token: Option<Token>,
}

/// A token, or the file that it is read from for every request: the kubelet replaces it long before it expires.
pub(super) enum Token {
    File(PathBuf),
    Text(String),
}

impl Token {
    /// The value of the header that carries it.
    pub(super) fn header(&self) -> Result<HeaderValue, Failure> {
        let text = match self {
            Self::File(path) => String::from_utf8_lossy(&read(path)?).into_owned(),
            Self::Text(text) => text.clone(),
        };
        let mut header = HeaderValue::try_from(format!("Bearer {}", text.trim()))
            .map_err(|_| unusable("the token", "it has characters that no token has"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl Access {
    /// To the API server, with the service account of this pod.
    pub(super) fn of_this_pod() -> Result<Self, Failure> {
        let variable = |name: &str| env::var(name).map_err(|_| unusable(name, "it is not set in this pod"));
        let host = variable("KUBERNETES_SERVICE_HOST")?;
        let port = variable("KUBERNETES_SERVICE_PORT")?;
        let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host };
        Ok(Self {
            url: format!("https://{host}:{port}"),
            trust: Trust::Authorities(read(&service_account("ca.crt"))?),
            identity: None,
            token: Some(Token::File(service_account("token"))),
        })
    }

    /// To the kubelet, with what the config names, or else with the service account's files.
    pub(super) fn to_kubelet(config: &config::Kubelet) -> Result<Self, Failure> {
        let file = |named: &str, name| {
            if named.is_empty() { service_account(name) } else { PathBuf::from(named) }
        };
        let trust = if config.insecure_skip_verify {
            Trust::Anyone
        } else {
            Trust::Authorities(read(&file(&config.ca_file, "ca.crt"))?)
        };
        let token = file(&config.token_file, "token");
        Ok(Self {
            url: config.url.as_str().to_owned(),
            trust,
            identity: None,
            token: Some(Token::File(token)),
        })
    }
}

/// Whether this is a pod that may speak to the API server.
pub(super) fn is_in_cluster() -> bool {
    env::var_os("KUBERNETES_SERVICE_HOST").is_some() && service_account("token").exists()
}

fn service_account(name: &str) -> PathBuf {
    Path::new(SERVICE_ACCOUNT).join(name)
}

/// The content of a file that is needed to be let in.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| unusable(path.display(), error))
}

/// Something that is needed to be let in can't be used.
pub(super) fn unusable(what: impl fmt::Display, why: impl fmt::Display) -> Failure {
    Failure::new(Reason::Credentials, format!("{what}: {why}"))
}
