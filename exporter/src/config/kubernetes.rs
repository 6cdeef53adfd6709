//! Where to learn about pods, and which of their labels to keep.

use std::{env, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    kubernetes_names::{KubeletUrl, NodeName, annotation_keys, keys_schema, label_keys},
    with::{Milliseconds, Text},
};

/// What is known about pods, and from whom.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kubernetes {
    /// Who is asked.
    pub source: PodSource,
    /// The node whose pods are wanted; empty for the environment's `NODE_NAME`, or else the host's name.
    #[serde(with = "Text::<NodeName>")]
    pub node: NodeName,
    /// The file that says how to reach the API server; empty for the pod's service account.
    pub kubeconfig: String,
    /// How long a new container is held back until its name is known.
    #[serde(with = "Milliseconds::<0, 60_000>")]
    pub patience: Duration,
    /// How to reach the kubelet.
    pub kubelet: Kubelet,
    /// Labels of pods that are kept.
    #[serde(deserialize_with = "label_keys")]
    #[schemars(schema_with = "keys_schema")]
    pub pod_labels: Vec<String>,
    /// Annotations of pods that are kept.
    #[serde(deserialize_with = "annotation_keys")]
    #[schemars(schema_with = "keys_schema")]
    pub pod_annotations: Vec<String>,
}

impl Kubernetes {
    /// The node's name by the config, or by the environment, where the downward API puts it.
    pub fn node_name(&self) -> Option<String> {
        let named = Some(self.node.as_str().to_owned()).filter(|node| !node.is_empty());
        named.or_else(|| env::var("NODE_NAME").ok().filter(|node| !node.is_empty()))
    }
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self {
            source: PodSource::default(),
            node: NodeName::default(),
            kubeconfig: String::new(),
            // The kubelet tells the API what it has started within a second or two, ten when it is busy.
            patience: Duration::from_secs(15),
            kubelet: Kubelet::default(),
            pod_labels: Vec::new(),
            pod_annotations: Vec::new(),
        }
    }
}

/// Who is asked about pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PodSource {
    /// The API server when the exporter runs in a cluster or a kubeconfig is named, else nobody.
    #[default]
    Auto,
    /// The API server.
    Api,
    /// This node's kubelet.
    Kubelet,
    /// Nobody.
    Off,
}

/// How to reach the kubelet.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kubelet {
    /// Where it serves its API.
    #[serde(with = "Text::<KubeletUrl>")]
    pub url: KubeletUrl,
    /// The time between two lists.
    #[serde(with = "Milliseconds::<1_000, 300_000>")]
    pub interval: Duration,
    /// The file with the CA of its certificate; empty for the cluster's, if this is a pod.
    pub ca_file: String,
    /// The file with the token that it accepts; empty for the service account's, if this is a pod.
    pub token_file: String,
    /// Believe whoever answers.
    pub insecure_skip_verify: bool,
}

impl Default for Kubelet {
    fn default() -> Self {
        Self {
            url: KubeletUrl::default(),
            interval: Duration::from_secs(10),
            ca_file: String::new(),
            token_file: String::new(),
            insecure_skip_verify: false,
        }
    }
}
