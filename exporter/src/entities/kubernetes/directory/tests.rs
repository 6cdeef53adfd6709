use super::*;
use crate::entities::kubernetes::{pod::ContainerKind, workload::Workload};

fn pod(uid: &str) -> Pod {
    Pod {
        name: format!("pod-{uid}"),
        namespace: "default".to_owned(),
        uid: uid.to_owned(),
        workload: Workload { kind: "Pod".to_owned(), name: format!("pod-{uid}") },
        node: "node-1".to_owned(),
        tags: Box::default(),
        containers_known: true,
        static_hash: None,
    }
}

fn mirror(uid: &str, hash: &str) -> Pod {
    Pod { static_hash: Some(hash.to_owned()), ..pod(uid) }
}

fn containers(ids: &[&str]) -> Vec<Named> {
    ids.iter().map(|id| ((*id).to_owned(), "app".to_owned(), ContainerKind::Main)).collect()
}

fn name(directory: &Directory, id: &str, uid: Option<&str>) -> Option<String> {
    directory.container(id, uid).map(|container| container.pod.name.clone())
}

#[test]
fn a_container_is_found_by_its_id_and_only_in_its_pod() {
    let mut directory = Directory::default();
    let now = Instant::now();
    directory.insert(pod("11-aa"), containers(&["c1"]), now);
    directory.insert(pod("22-bb"), containers(&["c2"]), now);
    let found = Some("pod-11-aa".to_owned());
    assert_eq!(name(&directory, "c1", None), found);
    assert_eq!(name(&directory, "c1", Some("11-aa")), found);
    assert_eq!(name(&directory, "c1", Some("11_aa")), found, "as the systemd driver writes it");
    assert_eq!(name(&directory, "c1", Some("22-bb")), None, "another pod's cgroup");
    assert_eq!(name(&directory, "c3", Some("11-aa")), None);
}

#[test]
fn a_static_pod_goes_by_its_hash_as_well_and_no_other_pod_takes_it() {
    let mut directory = Directory::default();
    let now = Instant::now();
    directory.insert(mirror("uid-1", "hash"), containers(&["c1"]), now);
    directory.insert(mirror("uid-2", "hash"), containers(&["c2"]), now);
    let called = |directory: &Directory, uid: &str| directory.pod(uid).map(|pod| pod.uid.clone());
    assert_eq!(called(&directory, "hash").as_deref(), Some("uid-1"), "who came first");
    assert!(name(&directory, "c1", Some("hash")).is_some());
    assert!(name(&directory, "c1", Some("uid-1")).is_some());

    // The mirror pod was deleted, and the kubelet makes it anew.
    directory.remove("uid-1", now);
    directory.insert(mirror("uid-3", "hash"), containers(&["c1"]), now);
    assert_eq!(called(&directory, "hash").as_deref(), Some("uid-3"));
    directory.forget(now + KEPT);
    assert_eq!(called(&directory, "hash").as_deref(), Some("uid-3"), "the old one takes nothing with it");

    // A UID is never taken for another pod's hash.
    directory.insert(mirror("uid-4", "uid-2"), Vec::new(), now);
    assert_eq!(called(&directory, "uid-2").as_deref(), Some("uid-2"));
}

#[test]
fn what_is_gone_is_known_for_a_while() {
    let mut directory = Directory::default();
    let start = Instant::now();
    directory.insert(pod("1"), containers(&["old"]), start);
    let restarted = start + Duration::from_secs(60);
    directory.insert(pod("1"), containers(&["new"]), restarted);
    directory.remove("1", restarted + Duration::from_secs(60));
    assert_eq!(directory.living_pods(), 0);

    directory.forget(restarted + KEPT - Duration::from_secs(1));
    assert!(name(&directory, "old", Some("1")).is_some() && name(&directory, "new", Some("1")).is_some());
    directory.forget(restarted + KEPT);
    assert!(name(&directory, "old", None).is_none() && name(&directory, "new", Some("1")).is_some());
    directory.forget(restarted + Duration::from_secs(60) + KEPT);
    assert!(name(&directory, "new", None).is_none() && directory.pod("1").is_none());
    assert_eq!(directory.known_containers(), 0);
}

#[test]
fn what_came_back_is_not_forgotten() {
    let mut directory = Directory::default();
    let start = Instant::now();
    directory.insert(pod("1"), containers(&["c1"]), start);
    directory.replace(Vec::new(), start);
    directory.replace(vec![(pod("1"), containers(&["c1"]))], start);
    directory.forget(start + KEPT);
    assert!(name(&directory, "c1", Some("1")).is_some());
    assert_eq!(directory.living_pods(), 1);
}

#[test]
fn a_crowd_of_the_gone_does_not_fill_the_memory() {
    let mut directory = Directory::default();
    let now = Instant::now();
    for number in 0..MOST_GONE {
        let uid = number.to_string();
        directory.insert(pod(&uid), containers(&[&format!("c{uid}")]), now);
        directory.remove(&uid, now);
        directory.forget(now);
    }
    assert_eq!(directory.gone.len(), MOST_GONE);
    assert_eq!(directory.pods.len() + directory.containers.len(), MOST_GONE);
    assert!(name(&directory, &format!("c{}", MOST_GONE - 1), None).is_some(), "the last ones are kept");
    directory.forget(now + KEPT);
    assert!(directory.pods.is_empty() && directory.containers.is_empty());
}

/// Most changes of a pod are of its conditions; readers need not look again for those.
#[test]
fn the_version_changes_with_the_answers_and_not_otherwise() {
    let mut directory = Directory::default();
    let now = Instant::now();
    let mut last = directory.version();
    let mut changed = |directory: &Directory| std::mem::replace(&mut last, directory.version()) != last;

    directory.insert(pod("1"), containers(&["c1", "c1"]), now);
    assert!(changed(&directory));
    directory.insert(pod("1"), containers(&["c1"]), now);
    directory.replace(vec![(pod("1"), containers(&["c1"]))], now);
    assert!(!changed(&directory), "the same again");
    directory.insert(pod("1"), containers(&["c1", "c2"]), now);
    assert!(changed(&directory), "another container");
    directory.insert(Pod { containers_known: false, ..pod("1") }, containers(&["c1", "c2"]), now);
    assert!(changed(&directory), "another state of the pod");
    directory.replace(Vec::new(), now);
    assert!(changed(&directory), "the pod is gone");
    directory.replace(Vec::new(), now);
    directory.remove("1", now);
    assert!(!changed(&directory), "it was gone");
    directory.forget(now + KEPT);
    assert!(changed(&directory), "it is forgotten");
}

#[test]
fn a_changed_pod_is_seen_through_its_containers() {
    let mut directory = Directory::default();
    let now = Instant::now();
    directory.insert(Pod { containers_known: false, ..pod("1") }, containers(&["c1"]), now);
    directory.insert(pod("1"), containers(&["c1", "c2"]), now);
    for id in ["c1", "c2"] {
        assert!(
            directory.container(id, None).is_some_and(|container| container.pod.containers_known),
            "{id}"
        );
    }
}
