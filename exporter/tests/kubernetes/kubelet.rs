//! The kubelet's own list.

use kernel_exporter::entities::kubernetes::{Reason, Source};
use serde_json::json;

use crate::{
    cluster::Fault,
    endpoint::Certificates,
    samples::{small, static_pod},
    setting::Setting,
};

/// A static pod as the kubelet has it: named by its hash, without an owner, since no API server knows it.
fn own_static_pod() -> serde_json::Value {
    let mut pod = static_pod();
    pod["metadata"]["uid"] = "5a1e3f0c9d7b4a6e8c2f1d0b3e4a5968".into();
    pod["metadata"]["ownerReferences"] = json!(null);
    let annotations = pod["metadata"]["annotations"].as_object_mut().expect("it has some");
    annotations.remove("kubernetes.io/config.mirror");
    pod
}

#[tokio::test]
async fn pods_come_and_go_with_its_list() {
    let setting = Setting::new();
    setting.cluster.apply(&own_static_pod());
    setting.cluster.apply(&small(1));
    let known = setting.poll("");
    known.synced().await;
    let id = format!("a1b{:0>61}", "1");
    let container = known.0.container(&id, Some("5a1e3f0c9d7b4a6e8c2f1d0b3e4a5968")).expect("it is there");
    assert_eq!(container.pod.name, "kube-apiserver-node-1");
    assert_eq!(
        (container.pod.workload.kind.as_str(), container.pod.workload.name.as_str()),
        ("Node", "node-1")
    );

    setting.cluster.delete(&small(1));
    setting.cluster.apply(&small(2));
    known.knows("small-2-a").await;
    assert!(known.names("small-1-a", Some("small-uid-1")).is_some(), "its last increments need its name");
    let status = known.0.status();
    assert_eq!((status.source, status.pods, status.restarts), (Source::Kubelet, 2, 0));
    let requests = setting.cluster.requests();
    assert!(requests.iter().all(|request| request.path == "/pods" && request.query.is_empty()));
    assert!(requests.iter().all(|request| request.headers["authorization"] == "Bearer token-1"));
}

#[tokio::test]
async fn failures_pass_and_leave_what_was_known() {
    let mut setting = Setting::new();
    setting.cluster.apply(&small(1));
    let known = setting.poll("");
    known.synced().await;
    setting
        .cluster
        .fault(Fault::Answer(403, "Forbidden (user=node-agent, verb=get, resource=nodes)".to_owned()));
    known.until("forbidden", |_| known.errors(Reason::Forbidden) == 1).await;
    known.synced().await;
    setting.cluster.fault(Fault::Answer(200, "{}".to_owned()));
    known.until("bad", |_| known.errors(Reason::BadResponse) == 1).await;
    assert_eq!(known.0.status().pods, 1);
    known.synced().await;
    setting.cluster.set_token("token-2");
    known.until("unauthorized", |_| known.errors(Reason::Unauthorized) > 0).await;
    setting.write("token", "token-2");
    known.synced().await;
    setting.take_down().await;
    known.until("unreachable", |pods| known.errors(Reason::Unreachable) > 0 && !pods.status().synced).await;
    setting.up();
    known.synced().await;
    assert!(known.names("small-1-a", None).is_some());
}

/// Most kubelets have certificates that they signed themselves.
#[tokio::test]
async fn an_unknown_certificate_is_accepted_only_when_the_config_says_so() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    setting.write("ca.crt", &Certificates::new().ca_pem);
    let strict = setting.poll("");
    strict.until("refused", |_| strict.errors(Reason::Tls) > 0).await;
    let lax = setting.poll("insecure_skip_verify: true");
    lax.knows("small-1-a").await;
    assert!(!strict.0.status().synced);
}
