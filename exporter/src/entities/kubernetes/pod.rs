//! What is known of one pod and of one container.

use std::{borrow::Cow, sync::Arc};

use super::{
    object::{ContainerSpec, ContainerStatus, PodObject},
    selection::{Selection, Tag},
    workload::Workload,
};

/// The kubelet's name for a static pod, which names the pod's cgroup. On the API's copy, the mirror pod.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// On the kubelet's own copy of a static pod, and on the mirror pod.
const HASH: &str = "kubernetes.io/config.hash";

/// `api` for pods that come from the API server; anything else is a file or a URL of the kubelet's own.
const SOURCE: &str = "kubernetes.io/config.source";

/// What is known of a pod.
#[derive(Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its UID as the source knows it: the API's, or for a static pod in the kubelet's list its hash.
    pub uid: String,
    /// What it was made for.
    pub workload: Workload,
    /// The node that it runs on.
    pub node: String,
    /// Those of its labels and annotations that the config asks for, in the config's order.
    pub tags: Box<[Tag]>,
    /// Whether every container of the pod had an id when this was written. Then an id in the pod's cgroup
    /// that is no container is the pod's sandbox; unless it is younger than they are: a container that
    /// restarts has its cgroup before its id is told.
    pub containers_known: bool,
    /// What the kubelet calls a static pod, and its cgroup, instead of by its UID.
    pub static_hash: Option<String>,
}

/// What is known of a container. One that restarts is another container with the same name.
#[derive(Debug, PartialEq, Eq)]
pub struct ContainerOfPod {
    /// Its name in the pod's specification.
    pub name: String,
    /// What it is there for.
    pub kind: ContainerKind,
    /// The pod, as it was when the container was last heard of.
    pub pod: Arc<Pod>,
}

/// What a container is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerKind {
    /// Does the pod's work.
    Main,
    /// Runs before the main ones, or beside them as a sidecar.
    Init,
    /// Was added to a running pod to debug it.
    Ephemeral,
}

/// A container's id, name and kind, before it meets its pod.
pub(super) type Named = (String, String, ContainerKind);

impl Pod {
    /// From its JSON, with the ids of all its containers. `node` is where it runs if it doesn't say.
    pub(super) fn read(object: PodObject, node: &str, selection: &Selection) -> (Self, Vec<Named>) {
        let PodObject { metadata, spec, status } = object;
        let groups = [
            (&spec.containers, &status.container_statuses, ContainerKind::Main),
            (&spec.init_containers, &status.init_container_statuses, ContainerKind::Init),
            (&spec.ephemeral_containers, &status.ephemeral_container_statuses, ContainerKind::Ephemeral),
        ];
        let containers_known = groups.iter().all(|(specs, statuses, _)| all_known(specs, statuses));
        let containers = groups.iter().flat_map(|(_, statuses, kind)| named(statuses, *kind)).collect();

        let annotation = |key| metadata.annotations.get(key).filter(|value| !value.is_empty());
        let is_static = annotation(MIRROR).is_some()
            || annotation(HASH).is_some() && annotation(SOURCE).is_some_and(|source| source != "api");
        let static_hash = annotation(MIRROR).or(annotation(HASH).filter(|_| is_static)).cloned();
        let node = if spec.node_name.is_empty() { node.to_owned() } else { spec.node_name };
        let pod = Self {
            workload: Workload::of(&metadata, is_static, &node),
            tags: selection.of(&metadata),
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            node,
            containers_known,
            static_hash,
        };
        (pod, containers)
    }

    /// Whether this is the pod that a cgroup's path means by `uid`.
    pub(super) fn is_called(&self, uid: &str) -> bool {
        let uid = from_cgroup(uid);
        *uid == self.uid || self.static_hash.as_ref().is_some_and(|hash| *uid == **hash)
    }
}

/// A UID as the API writes it: the systemd driver has underscores where a slice's name can't have dashes.
pub(super) fn from_cgroup(uid: &str) -> Cow<'_, str> {
    if uid.contains('_') { Cow::Owned(uid.replace('_', "-")) } else { Cow::Borrowed(uid) }
}

fn all_known(specs: &[ContainerSpec], statuses: &[ContainerStatus]) -> bool {
    specs.iter().all(|spec| statuses.iter().any(|status| status.name == spec.name && status.is_known()))
}

fn named(statuses: &[ContainerStatus], kind: ContainerKind) -> impl Iterator<Item = Named> {
    statuses
        .iter()
        .flat_map(move |status| status.ids().map(move |id| (id.to_owned(), status.name.clone(), kind)))
}
