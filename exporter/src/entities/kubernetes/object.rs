//! As much of a pod's JSON as is used: the same from the API server and from the kubelet.
//!
//! The full types of `k8s-openapi` would keep every field of every pod while a list is read, and their
//! deserializers would be most of the exporter's code.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A pod.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PodObject {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: Spec,
    #[serde(default)]
    pub(super) status: Status,
}

/// Who the pod is. A pod without a name or a UID is none.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) uid: String,
    #[serde(default)]
    pub(super) namespace: String,
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) owner_references: Vec<OwnerReference>,
}

/// What a pod belongs to; at most one of them is its controller.
#[derive(Debug, Default, Deserialize)]
pub(super) struct OwnerReference {
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) controller: bool,
}

/// What the pod should be.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    #[serde(deserialize_with = "or_empty")]
    pub(super) node_name: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) init_containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) ephemeral_containers: Vec<ContainerSpec>,
}

/// A container that the pod should have.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ContainerSpec {
    pub(super) name: String,
}

/// What the pod is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    #[serde(deserialize_with = "or_empty")]
    pub(super) container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) init_container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// One container, with the ids of those that ran under its name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerStatus {
    pub(super) name: String,
    #[serde(rename = "containerID", deserialize_with = "or_empty")]
    container_id: String,
    #[serde(deserialize_with = "or_empty")]
    state: ContainerState,
    #[serde(deserialize_with = "or_empty")]
    last_state: ContainerState,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    terminated: Option<Terminated>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Terminated {
    #[serde(rename = "containerID", deserialize_with = "or_empty")]
    container_id: String,
}

impl ContainerStatus {
    /// Whether the container that runs, or ran last, has an id.
    pub(super) fn is_known(&self) -> bool {
        without_runtime(&self.container_id).is_some()
    }

    /// The ids of the container that runs, of the one that ended, and of the one before it; without the
    /// runtime's name, and perhaps twice the same.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        let ended = [&self.state, &self.last_state].into_iter().filter_map(|state| state.terminated.as_ref());
        let ids = [&self.container_id].into_iter().chain(ended.map(|ended| &ended.container_id));
        ids.filter_map(|id| without_runtime(id))
    }
}

/// `containerd://<id>` without what stands before the id.
fn without_runtime(id: &str) -> Option<&str> {
    let id = id.split_once("://").map_or(id, |(_, id)| id);
    (!id.is_empty()).then_some(id)
}

/// A list of pods. `kind` tells a list from anything else with a successful status: `{}` must not pass for
/// a node without pods.
#[derive(Debug, Deserialize)]
pub(super) struct PodList {
    #[expect(dead_code, reason = "reading it is the check")]
    kind: ListKind,
    #[serde(default)]
    pub(super) metadata: ListMetadata,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) items: Vec<PodObject>,
}

/// The one kind that is accepted.
#[derive(Debug, Deserialize)]
enum ListKind {
    PodList,
}

/// Where a list stands in the history of all pods, and whether there is more of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListMetadata {
    pub(super) resource_version: String,
    #[serde(rename = "continue", deserialize_with = "or_empty")]
    pub(super) continue_token: String,
}

/// Go writes an empty list or map as `null` where it isn't left out.
fn or_empty<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_empty_and_other_kinds_are_no_lists() {
        let list: PodList =
            serde_json::from_str(r#"{"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": null}"#)
                .expect("the kubelet of a node without pods says so");
        assert!(list.items.is_empty());
        for other in ["{}", r#"{"kind": "Status", "status": "Failure"}"#, r#"{"items": []}"#] {
            assert!(serde_json::from_str::<PodList>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn ids_are_those_of_the_living_and_of_the_dead() {
        let status: ContainerStatus = serde_json::from_str(
            r#"{"name": "app", "containerID": "containerd://now", "state": {"running": {"startedAt": null}},
                "lastState": {"terminated": {"exitCode": 1, "containerID": "cri-o://before"}}}"#,
        )
        .expect("valid");
        assert!(status.is_known());
        assert_eq!(status.ids().collect::<Vec<_>>(), ["now", "before"]);

        let waiting: ContainerStatus = serde_json::from_str(
            r#"{"name": "app", "containerID": "", "state": {"waiting": {"reason": "ContainerCreating"}},
                "lastState": null}"#,
        )
        .expect("valid");
        assert!(!waiting.is_known());
        assert_eq!(waiting.ids().count(), 0);
    }
}
