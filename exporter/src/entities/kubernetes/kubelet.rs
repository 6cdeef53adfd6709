//! Pods from this node's kubelet: a list, again and again, without any load on the API server.

use std::{convert::Infallible, fs, path::Path};

use hyper::Request;
use kube::Config;
use tokio::time::sleep;
use tracing::warn;

use super::{
    backoff::Backoff,
    failure::{Failure, Reason},
    object::PodList,
    pods::Feed,
    server::Server,
};
use crate::config;

/// Where a pod finds its token and the cluster's CA.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Never ends. After a failure all credentials are read again.
pub(super) async fn poll(feed: Feed, config: config::Kubelet) {
    if config.insecure_skip_verify {
        warn!(
            "kubernetes.kubelet.insecure_skip_verify is on: whoever answers at {} is sent the service account's \
             token and believed",
            config.url
        );
    }
    let mut backoff = Backoff::new();
    loop {
        let Err(failure) = session(&feed, &config, &mut backoff).await;
        feed.failed(&failure);
        sleep(backoff.next()).await;
    }
}

async fn session(
    feed: &Feed,
    config: &config::Kubelet,
    backoff: &mut Backoff,
) -> Result<Infallible, Failure> {
    let server = Server::new(credentials(config)?)?;
    loop {
        let request = Request::get("/pods").body(Vec::new()).map_err(Failure::bad_response)?;
        let PodList { items, .. } = server.json(request).await?;
        feed.all(items);
        feed.event();
        backoff.reset();
        sleep(config.interval).await;
    }
}

/// With what the config names, or else what every pod is given, if it is there.
fn credentials(config: &config::Kubelet) -> Result<Config, Failure> {
    let given = |named: &str, name: &str| {
        let path = if named.is_empty() { format!("{SERVICE_ACCOUNT}/{name}") } else { named.to_owned() };
        (!named.is_empty() || Path::new(&path).exists()).then_some(path)
    };
    let url = config.url.as_str().parse().map_err(|error| Failure::credentials(&error))?;
    let mut kubelet = Config::new(url);
    kubelet.accept_invalid_certs = config.insecure_skip_verify;
    kubelet.auth_info.token_file = given(&config.token_file, "token");
    if let Some(ca) = given(&config.ca_file, "ca.crt").filter(|_| !config.insecure_skip_verify) {
        // The verifier reads it as well, but doesn't name the file when it can't.
        fs::metadata(&ca).map_err(|error| Failure::new(Reason::Credentials, format!("{ca}: {error}")))?;
        kubelet.root_cert_file = Some(ca.into());
    }
    Ok(kubelet)
}
