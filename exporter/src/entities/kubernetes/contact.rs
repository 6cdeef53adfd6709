//! How it stands with the source of what is known about pods: for metrics, and for one log line whenever that
//! changes.

use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::failure::{Failure, Reason};

/// Where what is known about pods comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: not in a cluster, or off by config.
    #[default]
    Off,
    /// Kubernetes' API server.
    Api,
    /// This node's kubelet.
    Kubelet,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Api, Self::Kubelet];

    /// The name in metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Api => "api",
            Self::Kubelet => "kubelet",
        }
    }

    /// What somebody should do about a failure.
    const fn advice(self, reason: Reason) -> &'static str {
        match (self, reason) {
            (Self::Api, Reason::Forbidden) => "the service account needs list and watch on pods",
            (_, Reason::Forbidden) => {
                "the service account needs get on nodes/pods, or on nodes/proxy before Kubernetes 1.33"
            }
            (Self::Api, Reason::Credentials) => {
                "check the service account's token, or kubernetes.kubeconfig in the config"
            }
            (_, Reason::Credentials) => {
                "check kubernetes.kubelet in the config and the service account's token"
            }
            (_, Reason::Unauthorized) => "the token is not accepted; is it of this cluster, and not expired?",
            (Self::Kubelet, Reason::Tls) => {
                "name the CA of the kubelet's certificate in kubernetes.kubelet.ca_file, and in the URL a host \
                 that the certificate is for"
            }
            (_, Reason::Tls) => "check the CA and the host name that the server's certificate is for",
            (_, Reason::Unreachable) => "check that it runs and that the network lets the exporter through",
            (_, Reason::BadResponse) => "check that this address is what it should be",
            (_, Reason::Gone) => "all pods are listed again",
        }
    }
}

/// The state of the source, for metrics.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Where what is known comes from.
    pub source: Source,
    /// Whether everything is known and kept up to date at the moment. When it is not, what was known stays.
    pub synced: bool,
    /// How long `synced` has been what it is.
    pub since: Duration,
    /// Pods that are there.
    pub pods: usize,
    /// Containers that have a name, those that are gone for a few minutes included.
    pub containers: usize,
    /// Pods that were added, changed or deleted, and bookmarks, as the API server told; for the kubelet,
    /// lists.
    pub events: u64,
    /// Watches that ended, as each does after some minutes at the latest, and were taken up again.
    pub restarts: u64,
    /// Failures by reason.
    pub errors: Vec<(Reason, u64)>,
    /// How long ago the source said anything useful; nothing if it never has.
    pub since_last_contact: Option<Duration>,
    /// The last failure, if there was any.
    pub last_error: Option<String>,
}

/// Keeps the state.
#[derive(Debug)]
pub(super) struct Contact {
    source: Source,
    synced: bool,
    changed: Instant,
    trouble: Option<Reason>,
    events: u64,
    restarts: u64,
    errors: [u64; Reason::ALL.len()],
    last: Option<Instant>,
    last_error: Option<String>,
}

impl Contact {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            synced: false,
            changed: Instant::now(),
            trouble: None,
            events: 0,
            restarts: 0,
            errors: [0; Reason::ALL.len()],
            last: None,
            last_error: None,
        }
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }

    pub(super) fn status(&self, pods: usize, containers: usize) -> Status {
        Status {
            source: self.source,
            synced: self.synced,
            since: self.changed.elapsed(),
            pods,
            containers,
            events: self.events,
            restarts: self.restarts,
            errors: Reason::ALL.into_iter().zip(self.errors).collect(),
            since_last_contact: self.last.map(|last| last.elapsed()),
            last_error: self.last_error.clone(),
        }
    }

    /// An event came.
    pub(super) fn event(&mut self) {
        self.events += 1;
        self.last = Some(Instant::now());
    }

    /// A watch ended and is taken up again where it was. A broken one is counted as a failure, but not told:
    /// if there is more behind it, the next request fails.
    pub(super) fn restarted(&mut self, broken: Option<&Failure>) {
        self.restarts += 1;
        if let Some(failure) = broken {
            self.count(failure);
            debug!(reason = %failure.reason, "the watch of pods broke off: {failure}");
        }
    }

    /// All pods are known, and what changes will be told.
    pub(super) fn in_sync(&mut self, node: &str, pods: usize) {
        self.last = Some(Instant::now());
        if self.synced {
            return;
        }
        self.synced = true;
        self.changed = Instant::now();
        let (source, was) = (self.source.name(), self.trouble.take());
        match was {
            _ if pods == 0 => {
                warn!(
                    source,
                    node, "there are no pods on this node; is kubernetes.node in the config right?"
                );
            }
            Some(was) => info!(source, node, pods, was = %was, "pods are known again"),
            None => info!(source, node, pods, "pods are known"),
        }
    }

    /// Something went wrong; there will be another attempt.
    pub(super) fn failed(&mut self, failure: &Failure) {
        self.count(failure);
        let Failure { reason, .. } = *failure;
        if self.synced {
            self.synced = false;
            self.changed = Instant::now();
        }
        let source = self.source.name();
        // That the server forgets history is part of the protocol.
        if reason == Reason::Gone || self.trouble == Some(reason) {
            debug!(source, reason = %reason, "cannot learn about pods: {failure}");
        } else {
            let advice = self.source.advice(reason);
            warn!(source, reason = %reason, "cannot learn about pods, trying again: {failure} ({advice})");
            self.trouble = Some(reason);
        }
    }

    fn count(&mut self, failure: &Failure) {
        let (_, count) = Reason::ALL
            .iter()
            .zip(&mut self.errors)
            .find(|(reason, _)| **reason == failure.reason)
            .expect("all reasons are in the list");
        *count += 1;
        self.last_error = Some(failure.to_string());
    }
}
