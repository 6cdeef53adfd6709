//! Pods from this node's kubelet: a list, again and again, without any load on the API server.

use std::convert::Infallible;

use hyper::Request;
use tokio::time::sleep;
use tracing::warn;

use super::{access::Access, backoff, failure::Failure, object::PodList, pods::Feed, server::Server};
use crate::{backoff::Backoff, config};

/// Never ends. After a failure all credentials are read again.
pub(super) async fn poll(feed: Feed, config: config::Kubelet) {
    if config.insecure_skip_verify {
        warn!(
            "kubernetes.kubelet.insecure_skip_verify is on: whoever answers at {} is sent the service account's \
             token and believed",
            config.url
        );
    }
    let mut backoff = backoff();
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
    let server = Server::new(Access::to_kubelet(config)?)?;
    loop {
        let request = Request::get("/pods").body(Vec::new()).map_err(Failure::bad_response)?;
        let PodList { items, .. } = server.json(request).await?;
        feed.all(items);
        feed.event();
        backoff.reset();
        sleep(config.interval).await;
    }
}
