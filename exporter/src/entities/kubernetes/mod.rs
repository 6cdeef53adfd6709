//! What Kubernetes knows of this node: pods, their containers, and what they were made for.
//!
//! From a watch of the API server that is limited to this node, or from the kubelet's list. Either writes into
//! one directory, which readers ask by what stands in a cgroup's path: container ids first, because a static
//! pod's cgroup is named by a hash of its file and not by its UID.
//!
//! Nothing here can end the exporter or hold up a read. Without a cluster nothing is known; while the API is
//! away, what was known stays, and [`Status`] says so.

mod access;
mod contact;
mod directory;
mod failure;
mod kubeconfig;
mod kubelet;
mod object;
mod pod;
mod pods;
mod selection;
mod server;
mod tls;
mod watch;
mod workload;

use std::{fs, time::Duration};

use tracing::info;

use self::{access::is_in_cluster, selection::Selection, watch::Watch};
pub use self::{
    contact::{Source, Status},
    failure::Reason,
    pod::{ContainerKind, ContainerOfPod, Pod},
    pods::Pods,
    selection::{Tag, TagName},
    workload::Workload,
};
use crate::{
    backoff::Backoff,
    config::{Kubernetes, PodSource},
};

pub(crate) use self::selection::prometheus_name;

/// Starts to learn about pods, in the background; must be called in a tokio runtime. It ends when the last
/// clone of the answer is dropped.
pub fn start(config: &Kubernetes) -> Pods {
    let selection = Selection::new(&config.pod_labels, &config.pod_annotations);
    match source(config) {
        Source::Off => Pods::off(),
        source @ Source::Api => {
            let kubeconfig = config.kubeconfig.clone();
            Pods::fed_by(source, node(config), selection, |feed| Watch::new(feed, kubeconfig).run())
                .patient(config.patience)
        }
        source @ Source::Kubelet => {
            let kubelet = config.kubelet.clone();
            Pods::fed_by(source, node(config), selection, |feed| kubelet::poll(feed, kubelet))
                .patient(config.patience)
        }
    }
}

fn source(config: &Kubernetes) -> Source {
    match config.source {
        PodSource::Off => Source::Off,
        PodSource::Api => Source::Api,
        PodSource::Kubelet => Source::Kubelet,
        PodSource::Auto if !config.kubeconfig.is_empty() || is_in_cluster() => Source::Api,
        PodSource::Auto => {
            info!("not in a Kubernetes cluster, or without a service account's token: pods have no names");
            Source::Off
        }
    }
}

/// The waits after failures.
fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(500), Duration::from_secs(30))
}

/// The node's name: what the config or the downward API says, or the host name, which the kubelet takes in small
/// letters. A pod's own host name is no node's, unless it uses the host's network; then there are no
/// pods, which is said.
fn node(config: &Kubernetes) -> String {
    let host = || fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_lowercase();
    config.node_name().unwrap_or_else(host)
}
