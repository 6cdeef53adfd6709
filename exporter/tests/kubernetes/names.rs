//! What a pod and its containers are called.

use kernel_exporter::entities::kubernetes::{ContainerKind, Pod, Pods, Source};

use crate::{
    samples::{self, uid},
    setting::{Known, Setting},
};

async fn all_samples(more: &str) -> (Setting, Known) {
    let setting = Setting::new();
    for pod in [samples::static_pod(), samples::deployment(), samples::cron_job(), samples::daemon_set()] {
        setting.cluster.apply(&pod);
    }
    let known = setting.watch(more);
    known.synced().await;
    (setting, known)
}

fn workload(pod: &Pod) -> (&str, &str) {
    (&pod.workload.kind, &pod.workload.name)
}

/// The sample's container that ends so.
fn id(ending: &str) -> String {
    let (first, rest) = ending.split_at(1);
    format!("{first}{rest:0>63}")
}

#[tokio::test]
async fn every_kind_of_container_has_its_name() {
    let (_setting, known) = all_samples("").await;
    for (id, name, kind) in [
        (id("da1"), "migrate", ContainerKind::Init),
        (id("da2"), "mesh", ContainerKind::Init),
        (id("db1"), "web", ContainerKind::Main),
        (id("db2"), "cache", ContainerKind::Main),
        (id("dc1"), "debugger-4v6xs", ContainerKind::Ephemeral),
    ] {
        let container = known.0.container(&id, Some(uid(&samples::deployment()))).expect(name);
        assert_eq!((container.name.as_str(), container.kind), (name, kind));
        let pod = &container.pod;
        assert_eq!((pod.name.as_str(), pod.namespace.as_str()), ("web-6d4cf56db6-x2x9k", "shop"));
        assert_eq!((workload(pod), pod.node.as_str()), (("Deployment", "web"), "node-1"));
        assert!(pod.containers_known);
    }
    let status = known.0.status();
    assert_eq!((status.source, status.pods, status.containers), (Source::Api, 4, 8));
}

#[tokio::test]
async fn a_static_pod_goes_by_its_hash() {
    let (_setting, known) = all_samples("").await;
    let hash = "5a1e3f0c9d7b4a6e8c2f1d0b3e4a5968";
    let names = Some(("kube-apiserver".to_owned(), "kube-apiserver-node-1".to_owned()));
    for ending in ["1", "0"] {
        let id = format!("a1b{ending:0>61}");
        assert_eq!(known.names(&id, Some(hash)), names, "the running one, and the one before it");
        assert_eq!(known.names(&id, Some(uid(&samples::static_pod()))), names);
        assert_eq!(known.names(&id, Some(uid(&samples::deployment()))), None, "another pod's cgroup");
    }
    let pod = known.0.pod(hash).expect("by its hash");
    assert_eq!(workload(&pod), ("Node", "node-1"));
}

#[tokio::test]
async fn what_ended_within_a_second_has_its_name() {
    let (_setting, known) = all_samples("").await;
    let slice = uid(&samples::cron_job()).replace('-', "_");
    let container = known.0.container(&id("e1"), Some(&slice)).expect("as the systemd driver writes UIDs");
    assert_eq!(container.name, "backup");
    assert_eq!(workload(&container.pod), ("CronJob", "backup"));
}

#[tokio::test]
async fn a_pod_whose_containers_are_not_all_there_says_so() {
    let (_setting, known) = all_samples("").await;
    let pod = known.0.pod(uid(&samples::daemon_set())).expect("it is there");
    assert_eq!(workload(&pod), ("DaemonSet", "node-agent"));
    assert!(!pod.containers_known);
}

#[tokio::test]
async fn chosen_labels_and_annotations_are_text_whatever_is_in_them() {
    let (_setting, known) =
        all_samples("pod_labels: [tier, absent], pod_annotations: [example.org/owner]").await;
    let pod = known.0.pod(uid(&samples::deployment())).expect("it is there");
    let tags: Vec<_> =
        pod.tags.iter().map(|tag| (tag.name.prometheus.as_str(), tag.value.as_str())).collect();
    assert_eq!(
        tags,
        [
            ("label_tier", "front\"end\nwith {odd} \\characters"),
            ("annotation_example_org_owner", "team \"checkout\"\n# not a comment"),
        ]
    );
    let static_pod = known.0.pod(uid(&samples::static_pod())).expect("it is there");
    assert_eq!(static_pod.tags.len(), 1, "it has only a tier");
}

#[tokio::test]
async fn without_a_source_nothing_is_known() {
    let pods = Pods::off();
    assert!(pods.container("any", None).is_none() && pods.pod("any").is_none());
    let status = pods.status();
    assert_eq!((status.source, status.synced, status.pods), (Source::Off, false, 0));
}
