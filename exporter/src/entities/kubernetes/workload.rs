//! What a pod was made for.
//!
//! A pod names only its direct controller, and the way up from there needs the right to read ReplicaSets and
//! Jobs in the whole cluster. The names that their controllers give them tell the same: a Deployment's
//! ReplicaSet ends in the pods' `pod-template-hash`, a CronJob's Job in the minute it was scheduled for.

use super::object::Metadata;

const TEMPLATE_HASH: &str = "pod-template-hash";

/// CronJobs append the scheduled time in minutes since 1970, which has had eight digits since 1989.
const DIGITS_OF_A_MINUTE: usize = 8;

/// What a pod was made for, by kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, `CronJob`, `Job`, `ReplicaSet`, any other kind as the cluster
    /// calls it, `Node` for a static pod, or `Pod` for one that somebody made by hand.
    pub kind: String,
    /// Its name, in the pod's namespace. A `Node` has none.
    pub name: String,
}

impl Workload {
    /// By the pod's controller and labels. `node` is where the pod runs.
    ///
    /// A static pod belongs to its `Node`, as its owner reference says, and as `kube_pod_owner` of
    /// kube-state-metrics shows it, so that the two join. The kubelet's own list has no such reference:
    /// `is_static` tells there.
    pub(super) fn of(metadata: &Metadata, is_static: bool, node: &str) -> Self {
        let new = |kind: &str, name: &str| Self { kind: kind.to_owned(), name: name.to_owned() };
        let Some(owner) = metadata.owner_references.iter().find(|owner| owner.controller) else {
            return if is_static { new("Node", node) } else { new("Pod", &metadata.name) };
        };
        match owner.kind.as_str() {
            "ReplicaSet" => match deployment(&owner.name, metadata) {
                Some(name) => new("Deployment", name),
                None => new("ReplicaSet", &owner.name),
            },
            "Job" => match cron_job(&owner.name) {
                Some(name) => new("CronJob", name),
                None => new("Job", &owner.name),
            },
            kind => new(kind, &owner.name),
        }
    }
}

fn deployment<'a>(replica_set: &'a str, metadata: &Metadata) -> Option<&'a str> {
    let hash = metadata.labels.get(TEMPLATE_HASH)?;
    let name = replica_set.strip_suffix(hash.as_str())?.strip_suffix('-')?;
    (!hash.is_empty() && !name.is_empty()).then_some(name)
}

fn cron_job(job: &str) -> Option<&str> {
    let (name, minute) = job.rsplit_once('-')?;
    let is_minute = minute.len() >= DIGITS_OF_A_MINUTE && minute.bytes().all(|byte| byte.is_ascii_digit());
    (is_minute && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::kubernetes::object::OwnerReference;

    fn workload(owner: Option<(&str, &str)>, hash: Option<&str>) -> (String, String) {
        let metadata = Metadata {
            name: "web-1".to_owned(),
            owner_references: [("Volume", "not-the-controller", false)]
                .into_iter()
                .chain(owner.map(|(kind, name)| (kind, name, true)))
                .map(|(kind, name, controller)| OwnerReference {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    controller,
                })
                .collect(),
            labels: hash.map(|hash| (TEMPLATE_HASH.to_owned(), hash.to_owned())).into_iter().collect(),
            ..Metadata::default()
        };
        let Workload { kind, name } = Workload::of(&metadata, false, "node-1");
        (kind, name)
    }

    #[test]
    fn follows_the_names_that_controllers_give() {
        for (owner, hash, kind, name) in [
            (Some(("ReplicaSet", "web-6d4cf56db6")), Some("6d4cf56db6"), "Deployment", "web"),
            (Some(("ReplicaSet", "web-6d4cf56db6")), Some("other"), "ReplicaSet", "web-6d4cf56db6"),
            (Some(("ReplicaSet", "web-6d4cf56db6")), None, "ReplicaSet", "web-6d4cf56db6"),
            (Some(("ReplicaSet", "-6d4cf56db6")), Some("6d4cf56db6"), "ReplicaSet", "-6d4cf56db6"),
            (Some(("ReplicaSet", "web-")), Some(""), "ReplicaSet", "web-"),
            (Some(("Job", "backup-29387520")), None, "CronJob", "backup"),
            (Some(("Job", "migrate-2938752")), None, "Job", "migrate-2938752"),
            (Some(("Job", "migrate-2938752x")), None, "Job", "migrate-2938752x"),
            (Some(("Job", "migrate")), None, "Job", "migrate"),
            (Some(("DaemonSet", "proxy")), None, "DaemonSet", "proxy"),
            (Some(("StatefulSet", "db")), None, "StatefulSet", "db"),
            (Some(("Node", "node-1")), None, "Node", "node-1"),
            (Some(("Workflow", "ci-x7")), None, "Workflow", "ci-x7"),
            (None, None, "Pod", "web-1"),
        ] {
            assert_eq!(workload(owner, hash), (kind.to_owned(), name.to_owned()), "{owner:?}");
        }
    }
}
