//! Pods from the API server: all of them once, then every change.
//!
//! A list has a place in the history of all pods, a watch starts at one, and each event moves it. A watch that
//! ends goes on from there. When the server no longer has that part of the history (410 Gone), or has sent
//! something that makes no sense, all pods are listed again, and those that are missing are gone.
//!
//! Requests and events are `kube`'s. Its client and its watcher are not used: the watcher leaves out events that
//! it can't read and goes on behind them, and doesn't tell bookmarks and new starts, which are metrics here; the
//! client says every failure in the log, and makes the binary larger by half.

use std::{convert::Infallible, path::Path, time::Duration};

use kube::core::{
    Request as Resource, WatchEvent,
    params::{ListParams, WatchParams},
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    access::Access,
    backoff,
    failure::{Failure, Reason},
    object::{PodList, PodObject},
    pods::Feed,
    server::{Lines, Server},
};
use crate::backoff::Backoff;

/// Pods per answer, when all are listed.
const PAGE: u32 = 500;

/// A server that bookmarks says something every minute. When it is silent for longer than this, the
/// connection may be dead without anybody having said so; a new watch costs little.
const SILENCE: Duration = Duration::from_secs(180);

/// A watch that stood for so long has worked: what comes next is not its failure once more.
const STEADY: Duration = Duration::from_secs(10);

/// The watch, for as long as the exporter runs.
pub(super) struct Watch {
    feed: Feed,
    kubeconfig: String,
    /// Where to go on: the place in history up to which all is known.
    known: Option<String>,
    /// The next list must not come from a cache that may be behind of what was seen already.
    from_store: bool,
    backoff: Backoff,
}

impl Watch {
    /// With the service account of this pod, or with what the file `kubeconfig` says.
    pub(super) fn new(feed: Feed, kubeconfig: String) -> Self {
        Self { feed, kubeconfig, known: None, from_store: false, backoff: backoff() }
    }

    /// Never ends. After a failure all credentials are read again.
    pub(super) async fn run(mut self) {
        loop {
            let Err(failure) = self.session().await;
            self.feed.failed(&failure);
            if matches!(failure.reason, Reason::Gone | Reason::BadResponse) {
                self.known = None;
            }
            sleep(self.backoff.next()).await;
        }
    }

    async fn session(&mut self) -> Result<Infallible, Failure> {
        let server = Server::new(self.access()?)?;
        loop {
            let known = match self.known.take() {
                Some(known) => known,
                None => self.list(&server).await?,
            };
            self.watch(&server, known).await?;
            sleep(self.backoff.next()).await;
        }
    }

    fn access(&self) -> Result<Access, Failure> {
        if self.kubeconfig.is_empty() {
            Access::of_this_pod()
        } else {
            Access::by_kubeconfig(Path::new(&self.kubeconfig))
        }
    }

    /// The list's place in history.
    async fn list(&mut self, server: &Server) -> Result<String, Failure> {
        let selector = self.selector();
        let parameters = ListParams::default().fields(&selector);
        // The first list may come from the API server's cache, which knows pods by node; from the store, it
        // has to go through the pods of the whole cluster, which is too much if all nodes ask at once.
        let mut parameters = if self.from_store { parameters.limit(PAGE) } else { parameters.match_any() };
        let mut pods = Vec::new();
        let known = loop {
            let request = pods_request().list(&parameters);
            let page: PodList = server.json(request.map_err(Failure::bad_response)?).await?;
            pods.extend(page.items);
            if page.metadata.continue_token.is_empty() {
                break page.metadata.resource_version;
            }
            parameters = ListParams::default()
                .fields(&selector)
                .limit(PAGE)
                .continue_token(&page.metadata.continue_token);
        };
        if known.is_empty() {
            return Err(Failure::bad_response("a list without resourceVersion"));
        }
        self.feed.all(pods);
        self.from_store = true;
        Ok(known)
    }

    /// Returns when the watch ended and can go on from `self.known`.
    async fn watch(&mut self, server: &Server, known: String) -> Result<(), Failure> {
        let parameters = WatchParams::default().fields(&self.selector());
        let request = pods_request().watch(&parameters, &known).map_err(Failure::bad_response)?;
        self.known = Some(known);
        let mut lines = server.lines(request).await?;
        self.feed.resumed();
        let started = Instant::now();
        let ended = self.follow(&mut lines).await;
        if started.elapsed() >= STEADY {
            self.backoff.reset();
        }
        match ended {
            Err(failure) if failure.reason == Reason::Unreachable => self.feed.restarted(Some(&failure)),
            Err(failure) => return Err(failure),
            Ok(()) => self.feed.restarted(None),
        }
        Ok(())
    }

    /// Takes in events until there are no more.
    async fn follow(&mut self, lines: &mut Lines) -> Result<(), Failure> {
        while let Ok(line) = timeout(SILENCE, lines.next()).await {
            match line? {
                Some(line) => self.event(&line)?,
                None => break,
            }
        }
        Ok(())
    }

    fn event(&mut self, line: &[u8]) -> Result<(), Failure> {
        let event = serde_json::from_slice(line)
            .map_err(|error| Failure::bad_response(format_args!("an event that cannot be read: {error}")))?;
        let place = |pod: &PodObject| pod.metadata.resource_version.clone();
        let known = match event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
                let known = place(&pod);
                self.feed.changed(pod);
                known
            }
            WatchEvent::Deleted(pod) => {
                let known = place(&pod);
                self.feed.deleted(pod);
                known
            }
            WatchEvent::Bookmark(bookmark) => bookmark.metadata.resource_version,
            WatchEvent::Error(status) => {
                // Whatever it is, the watch is over, and its place in history is not to be trusted.
                self.known = None;
                return Err(Failure::status(status.code, &status.message));
            }
        };
        if known.is_empty() {
            return Err(Failure::bad_response("an event without resourceVersion"));
        }
        self.known = Some(known);
        self.feed.event();
        Ok(())
    }

    fn selector(&self) -> String {
        format!("spec.nodeName={}", self.feed.node())
    }
}

fn pods_request() -> Resource {
    Resource::new("/api/v1/pods")
}
