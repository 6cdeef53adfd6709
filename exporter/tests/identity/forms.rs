//! What runtimes call cgroups, and what is to be said of them.

use std::{collections::BTreeMap, process};

use serde_json::{Value, json};

/// Labels that say who did it, by name.
pub(crate) type Identity = BTreeMap<String, String>;

/// By what series are told apart, as the config has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    Container,
    Workload,
    Cgroup,
}

impl By {
    pub(crate) const ALL: [Self; 3] = [Self::Container, Self::Workload, Self::Cgroup];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Workload => "workload",
            Self::Cgroup => "cgroup",
        }
    }
}

/// What a cgroup belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A container of a pod, with its runtime.
    Pod(&'static str),
    /// A container of this runtime.
    Container(&'static str),
    /// A unit: the path's last part.
    Unit,
    /// Nothing that has another name than its path.
    Path,
}

/// `<A>` stands for a container's id, `<U>` for a pod's uid, `<U_>` for the same with underscores, `<N>` for a
/// name that no other cgroup has.
const FORMS: [(Kind, &str); 15] = [
    // The kubelet and the runtime with systemd.
    (
        Kind::Pod("containerd"),
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<U_>.slice/cri-containerd-<A>.scope",
    ),
    (Kind::Pod("containerd"), "/kubepods.slice/kubepods-pod<U_>.slice/cri-containerd-<A>.scope"),
    (
        Kind::Pod("cri-o"),
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<U_>.slice/crio-<A>.scope/container",
    ),
    (
        Kind::Pod("docker"),
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<U_>.slice/docker-<A>.scope",
    ),
    // Without.
    (Kind::Pod("unknown"), "/kubepods/burstable/pod<U>/<A>"),
    (Kind::Pod("cri-o"), "/kubepods/besteffort/pod<U>/crio-<A>"),
    (Kind::Container("docker"), "/system.slice/docker-<A>.scope"),
    (Kind::Container("docker"), "/docker/<A>"),
    (Kind::Container("podman"), "/machine.slice/libpod-<A>.scope/container"),
    (Kind::Container("podman"), "/libpod_parent/libpod-<A>"),
    (Kind::Container("containerd"), "/k8s.io/<A>"),
    (Kind::Unit, "/system.slice/<N>.service"),
    (Kind::Unit, "/user.slice/user-4242.slice/<N>.scope"),
    (Kind::Unit, "/<N>.slice"),
    (Kind::Path, "/own/<N>"),
];

/// A part of every name that tests make up.
pub(crate) const MARK: &str = "1de47e57";

/// The same, with what no other run has: 16 hexadecimal digits.
pub(crate) fn tag() -> String {
    format!("{MARK}{:08x}", process::id())
}

/// One cgroup, and all that there is to know about it.
#[derive(Clone)]
pub(crate) struct Subject {
    kind: Kind,
    /// A container's id, for those that have one.
    pub(crate) id: String,
    pub(crate) uid: String,
    pub(crate) path: String,
    number: u64,
}

impl Subject {
    /// The `number`th; neighbours have different forms.
    pub(crate) fn new(number: u64) -> Self {
        let (kind, form) = FORMS[number as usize % FORMS.len()];
        let id = format!("{}{number:048x}", tag());
        let run = format!("{:08x}", process::id());
        let uid = format!("{MARK}-{}-{}-8000-{number:012x}", &run[..4], &run[4..]);
        let path = form
            .replace("<A>", &id)
            .replace("<U_>", &uid.replace('-', "_"))
            .replace("<U>", &uid)
            .replace("<N>", &format!("identity{}-{number}", tag()));
        Self { kind, id, uid, path, number }
    }

    pub(crate) fn is_in_pod(&self) -> bool {
        matches!(self.kind, Kind::Pod(_))
    }

    /// Workloads have several pods each, in several forms.
    fn workload(&self) -> String {
        format!("work-{}", self.number % 7)
    }

    fn namespace(&self) -> String {
        format!("space-{}", tag())
    }

    /// The labels by which it is to be known, once everything about it is, or nothing but its path.
    pub(crate) fn identity(&self, by: By, is_told: bool) -> Identity {
        let labels: Vec<(&str, String)> = match (by, self.kind) {
            (By::Cgroup, _) | (_, Kind::Path) => vec![("cgroup", self.path.clone())],
            (_, Kind::Unit) => {
                vec![("unit", self.path.rsplit('/').next().unwrap_or_default().to_owned())]
            }
            (By::Workload, Kind::Pod(_)) if !is_told => vec![("uid", self.uid.clone())],
            (_, Kind::Pod(_)) if is_told => {
                let mut labels = vec![
                    ("namespace", self.namespace()),
                    ("workload", self.workload()),
                    ("workload_type", "deployment".to_owned()),
                ];
                if by == By::Container {
                    labels.push(("pod", format!("pod-{}", self.number)));
                    labels.push(("uid", self.uid.clone()));
                    labels.push(("container", format!("container-{}", self.number)));
                }
                labels
            }
            (_, Kind::Pod(runtime) | Kind::Container(runtime)) => {
                let uid = self.is_in_pod().then(|| ("uid", self.uid.clone()));
                let bare = [("container_id", self.id.clone()), ("container_runtime", runtime.to_owned())];
                bare.into_iter().chain(uid).collect()
            }
        };
        labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The pod, as the API tells it once its container runs.
    pub(crate) fn pod(&self) -> Value {
        let (workload, hash) = (self.workload(), "6d4cf56db6");
        json!({
            "metadata": {
                "name": format!("pod-{}", self.number), "namespace": self.namespace(), "uid": self.uid,
                "labels": {"pod-template-hash": hash},
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{workload}-{hash}"),
                    "uid": "a-replica-set", "controller": true,
                }],
            },
            "spec": {
                "nodeName": "node-1", "containers": [{"name": format!("container-{}", self.number)}],
            },
            "status": {"containerStatuses": [{
                "name": format!("container-{}", self.number), "containerID": format!("cri://{}", self.id),
                "state": {"running": {"startedAt": "2026-11-20T10:00:05Z"}}, "lastState": {},
            }]},
        })
    }
}
