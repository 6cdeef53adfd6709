//! What a cgroup is called: from its place in the tree, and what is known of the pod, to labels.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::who::Names;
use crate::{
    catalogue::{Fold, Key, keys},
    config::By,
    entities::{
        kubernetes::{Pod, TagName},
        ledger::placeholder,
        place::{Container, Place},
    },
    snapshot::Labels,
};

/// The container of a pod that holds its namespaces and does nothing. Everybody leaves it out by this name.
const SANDBOX: &str = "POD";

/// What is known of the pod that a cgroup belongs to, and of the cgroup in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InPod<'a> {
    pub(super) pod: &'a Pod,
    /// The cgroup is this container's or below it.
    pub(super) container: Member<'a>,
}

/// What a cgroup is in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member<'a> {
    /// A container, by its name in the pod.
    Container(&'a str),
    /// A container that is none of the pod's.
    Sandbox,
    /// A container that is not known by name.
    Unnamed,
    /// The pod itself.
    None,
}

/// A label before it is one.
type Pair<'a> = (&'static Key, &'a str);

/// The labels of a cgroup.
pub(super) fn names(path: &str, place: &Place, known: Option<InPod<'_>>) -> Names {
    let path_label = Labels::new([(&keys::CGROUP, path)]);
    let outside = outside(place);
    let (container, workload) = match (known, &place.pod) {
        (Some(InPod { pod, container }), _) => {
            let kind = workload_type(&pod.workload.kind);
            let name = if kind == STATIC_POD { &pod.name } else { &pod.workload.name };
            let workload = [
                (&keys::NAMESPACE, &*pod.namespace),
                (&keys::WORKLOAD, name),
                (&keys::WORKLOAD_TYPE, &*kind),
            ];
            let mut labels = vec![(&keys::POD, &*pod.name), (&keys::POD_UID, &*pod.uid)];
            labels.extend(match container {
                Member::Container(name) => Some((&keys::CONTAINER, name)),
                Member::Sandbox => Some((&keys::CONTAINER, SANDBOX)),
                Member::Unnamed | Member::None => None,
            });
            if container == Member::Unnamed {
                labels.extend(place.container.iter().flat_map(bare));
            }
            labels.extend(pod.tags.iter().map(|tag| (key_of(&tag.name), &*tag.value)));
            labels.extend(outside.iter().chain(&workload));
            (Labels::new(labels), Labels::new(workload.into_iter().chain(outside)))
        }
        (None, Some(pod)) => {
            let container = place.container.iter().flat_map(bare);
            let labels: Vec<Pair<'_>> = [(&keys::POD_UID, &*pod.uid)].into_iter().chain(outside).collect();
            (Labels::new(labels.iter().copied().chain(container)), Labels::new(labels))
        }
        (None, None) => {
            let container = place.container.iter().flat_map(bare);
            let labels: Vec<Pair<'_>> = container.chain(outside).collect();
            let labels = if labels.is_empty() { path_label.clone() } else { Labels::new(labels) };
            (labels.clone(), labels)
        }
    };
    Names { container, workload, path: path_label }
}

/// The labels of a cgroup whose names are still to come; see [`placeholder_name`].
pub(super) fn withheld(id: u64, path: &str) -> Names {
    let of = |by| Labels::new([placeholder(&placeholder_name(id, by))]);
    Names {
        container: of(By::Container),
        workload: of(By::Workload),
        path: Labels::new([(&keys::CGROUP, path)]),
    }
}

/// What stands for the names of a cgroup in one mode.
pub(super) fn placeholder_name(id: u64, by: By) -> String {
    format!("{id} {}", by.name())
}

/// A container that is known by its id only.
fn bare(container: &Container) -> [Pair<'_>; 2] {
    [(&keys::CONTAINER_ID, &*container.id), (&keys::CONTAINER_RUNTIME, container.runtime.as_str())]
}

/// Whose part of the tree it is in, because within it any name can be made up.
fn outside(place: &Place) -> Vec<Pair<'_>> {
    let outer = place.outer.as_ref().map(|outer| (&keys::OUTER_CONTAINER_ID, &*outer.id));
    let unit = place.unit.as_deref().map(|unit| (&keys::UNIT, unit));
    outer.into_iter().chain(unit).collect()
}

const STATIC_POD: &str = "staticpod";

/// As the Kubernetes mixin's rules write kinds.
fn workload_type(kind: &str) -> String {
    if kind == "Node" { STATIC_POD.to_owned() } else { kind.to_lowercase() }
}

/// The key of a pod's label or annotation. There are as many as configs have ever asked for, so they may live
/// as long as the exporter.
fn key_of(name: &TagName) -> &'static Key {
    static KEYS: Mutex<BTreeMap<String, &'static Key>> = Mutex::new(BTreeMap::new());
    let mut known = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(name.prometheus.clone()).or_insert_with(|| {
        Box::leak(Box::new(Key {
            otlp: name.opentelemetry.clone().leak(),
            prometheus: name.prometheus.clone().leak(),
            help: "a label or an annotation of the pod",
            fold: Fold::Goes,
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::kubernetes::Workload;

    fn pod() -> Pod {
        Pod {
            name: "web-5d8f-x".to_owned(),
            namespace: "shop".to_owned(),
            uid: "u-1".to_owned(),
            workload: Workload { kind: "Deployment".to_owned(), name: "web".to_owned() },
            node: "n1".to_owned(),
            tags: Box::default(),
            containers_known: true,
            static_hash: None,
        }
    }

    fn shown(labels: &Labels) -> String {
        let labels: Vec<String> =
            labels.iter().map(|label| format!("{}={}", label.key.prometheus, label.value)).collect();
        labels.join(" ")
    }

    /// What a path's labels are, by container and by workload.
    fn labels(path: &str, known: Option<(&Pod, Member<'_>)>) -> [String; 2] {
        let known = known.map(|(pod, container)| InPod { pod, container });
        let names = names(path, &Place::of(path), known);
        [shown(&names.container), shown(&names.workload)]
    }

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const UID: &str = "11111111-2222-3333-4444-555555555555";

    fn in_pod() -> String {
        format!("/kubepods/burstable/pod{UID}/{ID}")
    }

    #[test]
    fn a_container_of_a_pod_has_the_names_of_both() {
        let (pod, path) = (pod(), in_pod());
        let workload = "namespace=shop workload_type=deployment workload=web";
        assert_eq!(
            labels(&path, Some((&pod, Member::Container("nginx")))),
            [
                "container=nginx namespace=shop pod=web-5d8f-x uid=u-1 workload_type=deployment workload=web"
                    .to_owned(),
                workload.to_owned()
            ]
        );
        assert!(labels(&path, Some((&pod, Member::Sandbox)))[0].starts_with("container=POD namespace="));
        let unnamed = &labels(&path, Some((&pod, Member::Unnamed)))[0];
        assert!(unnamed.contains(&format!("container_id={ID} ")) && !unnamed.contains("container="));
        let itself = &labels(&path, Some((&pod, Member::None)))[0];
        assert!(!itself.contains("container"), "{itself}");
    }

    #[test]
    fn a_static_pod_is_its_own_workload() {
        let workload = Workload { kind: "Node".to_owned(), name: "n1".to_owned() };
        let pod = Pod { workload, ..pod() };
        let [_, labels] = labels(&in_pod(), Some((&pod, Member::None)));
        assert_eq!(labels, "namespace=shop workload_type=staticpod workload=web-5d8f-x");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let path = in_pod();
        let [by_container, by_workload] = labels(&path, None);
        assert_eq!(by_container, format!("container_id={ID} container_runtime=unknown uid={UID}"));
        assert_eq!(by_workload, format!("uid={UID}"));
    }

    #[test]
    fn what_is_in_no_pod_is_a_container_a_unit_or_a_path() {
        let docker = format!("/system.slice/docker-{ID}.scope/init");
        assert_eq!(labels(&docker, None)[0], format!("container_id={ID} container_runtime=docker"));
        assert_eq!(labels("/system.slice/nginx.service", None), ["unit=nginx.service"; 2]);
        assert_eq!(labels("/", None), ["unit=-.slice"; 2]);
        assert_eq!(labels("/my/own", None), ["cgroup=/my/own"; 2]);
    }

    #[test]
    fn what_is_made_up_inside_of_something_says_so() {
        let rootless = format!("/user.slice/user-7.slice/user@7.service/docker-{ID}.scope");
        let [labels_of, _] = labels(&rootless, None);
        assert_eq!(labels_of, format!("container_id={ID} container_runtime=docker unit=user@7.service"));
        let other = ID.replace('0', "f");
        let node = format!("/docker/{other}/kubelet{}", in_pod());
        let [labels_of, _] = labels(&node, Some((&pod(), Member::Container("nginx"))));
        assert!(labels_of.contains(&format!("outer_container_id={other}")), "{labels_of}");
    }

    #[test]
    fn all_modes_fold_into_the_same() {
        let pod = pod();
        let path = in_pod();
        let place = Place::of(&path);
        let known = InPod { pod: &pod, container: Member::Container("nginx") };
        let Names { container, workload, path } = names(&path, &place, Some(known));
        let fold = "cgroup=(all other cgroups)";
        assert_eq!([container, workload, path].map(|labels| shown(&labels.folded())), [fold; 3]);
    }
}
