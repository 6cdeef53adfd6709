//! A web configuration in the form in which it is applied, with the content of the files that it names.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use hyper::header::{HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::{
    rate_limiter::RateLimiter,
    stamps::Stamps,
    tls::{Pems, TlsProblem, server_config},
};
use crate::{
    config::{self, Error},
    web_config::{ClientAuth, Pem, TlsServer, Users, WebConfig},
};

/// More than a bundle of all public CAs has.
const MOST_PEM_BYTES: u64 = 1 << 20;

/// What is asked of connections and requests. By default, nothing.
#[derive(Default)]
pub(in crate::server) struct Settings {
    /// For rustls; `None` for plain HTTP.
    pub(in crate::server) tls: Option<Arc<ServerConfig>>,
    /// Who is let in; everybody if there are none.
    pub(super) users: Arc<Users>,
    /// Headers of all responses.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// How many requests are answered.
    pub(super) limiter: Option<Arc<RateLimiter>>,
    client_auth: ClientAuth,
}

impl Settings {
    /// Reads the file at `path` and those that it names, after noting the state of each in `stamps`.
    pub(super) fn load(path: &Path, stamps: &mut Stamps) -> Result<Self, Error> {
        let file = path.display().to_string();
        stamps.note(path);
        let bytes = config::read(path).map_err(|reason| Error::Unreadable { file: file.clone(), reason })?;
        let config = WebConfig::from_yaml(&file, &bytes)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let tls = config.tls_server_config.as_ref();
        let tls_config = tls.map(|tls| load_tls(tls, folder, stamps)).transpose().map_err(|problem| {
            config::invalid_at(&file, &bytes, &["tls_server_config", problem.key], problem.reason)
        })?;
        Ok(Self {
            tls: tls_config.map(Arc::new),
            client_auth: tls.map_or(ClientAuth::No, |tls| tls.clients.auth),
            users: Arc::new(config.basic_auth_users),
            headers: config.http_server_config.headers.iter().collect(),
            limiter: config.rate_limit.map(|limit| Arc::new(RateLimiter::new(limit))),
        })
    }

    /// What must not change from `self` to `next` while the server runs: a file that was emptied by mistake,
    /// or is about to be filled again, must not open the door.
    pub(super) fn refuses(&self, next: &Self) -> Option<&'static str> {
        if self.tls.is_some() != next.tls.is_some() {
            Some("tls_server_config came or went, which takes a restart")
        } else if self.client_auth.is_mandatory() && !next.client_auth.is_mandatory() {
            Some("client certificates are no longer required, which takes a restart")
        } else if !self.users.is_empty() && next.users.is_empty() {
            Some("all of basic_auth_users are gone, so that everybody would be let in, which takes a restart")
        } else {
            None
        }
    }

    /// Goes on where `before` was with what has not changed.
    pub(super) fn continues(mut self, before: &Self) -> Self {
        if let (Some(now), Some(then)) = (&self.limiter, &before.limiter)
            && now.limit() == then.limit()
        {
            self.limiter = Some(Arc::clone(then));
        }
        self
    }
}

/// In a few words, for `check` and the log.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls.is_some() { "TLS" } else { "no TLS" })?;
        match self.client_auth {
            ClientAuth::No => {}
            ClientAuth::Request => f.write_str(", client certificates asked for")?,
            ClientAuth::RequireAny => f.write_str(", any client certificates required")?,
            ClientAuth::VerifyIfGiven => f.write_str(", client certificates verified if given")?,
            ClientAuth::RequireAndVerify => f.write_str(", client certificates required and verified")?,
        }
        match self.users.len() {
            0 => f.write_str(", no users"),
            1 => f.write_str(", 1 user"),
            users => write!(f, ", {users} users"),
        }?;
        match self.limiter.as_ref().map(|limiter| limiter.limit()) {
            None => Ok(()),
            Some(limit) => write!(f, ", a request per {:?} with bursts of {}", limit.interval, limit.burst),
        }
    }
}

fn load_tls(tls: &TlsServer, folder: &Path, stamps: &mut Stamps) -> Result<ServerConfig, TlsProblem> {
    let mut load = |pem: &Pem| match pem {
        Pem::Inline(_, text) => Ok(text.0.clone().into_bytes()),
        Pem::File(key, name) => {
            // An absolute name stays as it is.
            let path = folder.join(name);
            stamps.note(&path);
            read(&path).map_err(|reason| TlsProblem { key, reason: format!("{}: {reason}", path.display()) })
        }
    };
    let pems = Pems {
        certificate: load(&tls.certificate)?,
        key: load(&tls.key)?,
        client_ca: tls.clients.ca.as_ref().map(load).transpose()?,
    };
    server_config(tls, &pems)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_PEM_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
