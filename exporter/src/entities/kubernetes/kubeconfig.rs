//! The way to the API server from a kubeconfig: what kubelets and `kubectl config view --flatten` write.
//! Credentials that another program has to fetch are not for a daemon.

use std::path::{Path, PathBuf};

use k8s_openapi::ByteString;
use serde::Deserialize;

use super::{
    access::{Access, Token, read, unusable},
    failure::Failure,
    tls::Trust,
};

/// As much of the file as is used.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kubeconfig {
    current_context: String,
    contexts: Vec<Named>,
    clusters: Vec<Named>,
    users: Vec<Named>,
}

/// An entry of any of the three lists.
#[derive(Deserialize)]
struct Named {
    name: String,
    context: Option<Context>,
    cluster: Option<Cluster>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<ByteString>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<ByteString>,
    client_key: Option<PathBuf>,
    client_key_data: Option<ByteString>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
}

impl Access {
    /// To the API server, by the file's current context. Paths in it are relative to its folder.
    pub(super) fn by_kubeconfig(path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let unusable = |why: &str| unusable(path.display(), why);
        let file: Kubeconfig =
            serde_yaml::from_slice(&read(path)?).map_err(|error| unusable(&error.to_string()))?;
        let context = find(file.contexts, &file.current_context, |entry| entry.context)
            .ok_or_else(|| unusable("there is no context of the name that current-context says"))?;
        let cluster = find(file.clusters, &context.cluster, |entry| entry.cluster)
            .ok_or_else(|| unusable("there is no cluster of the name that the context says"))?;
        let user = find(file.users, &context.user, |entry| entry.user)
            .ok_or_else(|| unusable("there is no user of the name that the context says"))?;

        if !cluster.server.starts_with("https://") {
            return Err(unusable("the cluster's server does not begin with https://"));
        }
        let content = |data: Option<ByteString>, file: Option<PathBuf>| match (data, file) {
            (Some(ByteString(data)), _) => Ok(Some(data)),
            (None, Some(file)) => read(&folder.join(file)).map(Some),
            (None, None) => Ok(None),
        };
        let authorities = content(cluster.certificate_authority_data, cluster.certificate_authority)?;
        let trust = match authorities {
            _ if cluster.insecure_skip_tls_verify => Trust::Anyone,
            Some(authorities) => Trust::Authorities(authorities),
            None => return Err(unusable("the cluster has no certificate-authority")),
        };
        let certificate = content(user.client_certificate_data, user.client_certificate)?;
        let key = content(user.client_key_data, user.client_key)?;
        let identity = certificate.zip(key).map(|(certificate, key)| [certificate, key].join(&b'\n'));
        let token = match (user.token, user.token_file) {
            (Some(token), _) => Some(Token::Text(token)),
            (None, Some(file)) => Some(Token::File(folder.join(file))),
            (None, None) if identity.is_some() => None,
            (None, None) => return Err(unusable("the user has neither a token nor a client certificate")),
        };
        Ok(Self { url: cluster.server.trim_end_matches('/').to_owned(), trust, identity, token })
    }
}

fn find<T>(list: Vec<Named>, name: &str, content: impl FnOnce(Named) -> Option<T>) -> Option<T> {
    list.into_iter().find(|entry| entry.name == name).and_then(content)
}
