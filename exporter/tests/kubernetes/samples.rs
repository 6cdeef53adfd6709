//! Pods as a cluster has them: names, annotations and statuses of the shape that kubelets and controllers
//! write.

use serde_json::Value;

fn sample(text: &str) -> Value {
    serde_json::from_str(text).expect("the samples are JSON")
}

/// The mirror pod of a static pod, whose container has ended once and was started again.
pub(crate) fn static_pod() -> Value {
    sample(include_str!("samples/static.json"))
}

/// A pod of a Deployment with every kind of container, and with odd characters where they may be.
pub(crate) fn deployment() -> Value {
    sample(include_str!("samples/deployment.json"))
}

/// A pod of a CronJob's Job that ended within a second.
pub(crate) fn cron_job() -> Value {
    sample(include_str!("samples/cron_job.json"))
}

/// A pod of a DaemonSet that is being created.
pub(crate) fn daemon_set() -> Value {
    sample(include_str!("samples/daemon_set.json"))
}

/// A pod's UID.
pub(crate) fn uid(pod: &Value) -> &str {
    pod["metadata"]["uid"].as_str().expect("pods have one")
}

/// A small pod with one container.
pub(crate) fn small(number: u32) -> Value {
    serde_json::json!({
        "metadata": {"name": format!("small-{number}"), "namespace": "default", "uid": format!("small-uid-{number}")},
        "spec": {"nodeName": "node-1", "containers": [{"name": "app"}]},
        "status": {"containerStatuses": [running("app", &format!("small-{number}-a"), None)]},
    })
}

/// The status of a container that runs as `id`, after one that ran as `before`.
pub(crate) fn running(name: &str, id: &str, before: Option<&str>) -> Value {
    let last =
        before.map(|id| serde_json::json!({"exitCode": 1, "containerID": format!("containerd://{id}")}));
    serde_json::json!({
        "name": name,
        "containerID": format!("containerd://{id}"),
        "state": {"running": {"startedAt": "2026-11-20T10:00:05Z"}},
        "lastState": last.map_or_else(|| serde_json::json!({}), |ended| serde_json::json!({"terminated": ended})),
    })
}
