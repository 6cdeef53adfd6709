//! Pods, as the kubelet names their cgroups.
//!
//! The tree is `kubepods`, a level for each class of service but the guaranteed one, and the pod, in either
//! spelling: directories (`kubepods/burstable/pod<uid>`) or slices, which repeat the names of all their parents and
//! have underscores for dashes (`kubepods-burstable-pod<uid>.slice`). It stands anywhere (`--cgroup-root`). When
//! the kubelet thinks of slices and the runtime of directories, a name of the form `<slice>:<runtime>:<id>`, meant for
//! systemd, becomes a directory anywhere.

use super::container::{self, Sight};

/// A Kubernetes pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pod {
    /// Its unique id as the API writes it, lower case with dashes. A static pod has 32 digits without dashes: the
    /// hash of its manifest, which the API has in the annotation `kubernetes.io/config.hash`.
    pub uid: String,
    /// Its class of service, as its place in the tree says.
    pub qos: Qos,
}

/// A pod's class of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qos {
    /// Every container has limits equal to its requests.
    Guaranteed,
    /// Some container has a request or limit.
    Burstable,
    /// Nothing is requested.
    BestEffort,
}

impl Qos {
    /// As the API writes it in `status.qosClass`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// The pod whose cgroup `name` is, and what the name `below` is in it.
pub(super) fn pod(above: &[&str], name: &str, below: Option<&str>) -> Option<(Pod, Option<Sight>)> {
    if let Some((slice, _)) = name.split_once(':') {
        let (_, pod) = from_slice(slice)?;
        return Some((pod, Some(container::sight(&[], name, None)?)));
    }
    let pod = from_directory(above, name).or_else(|| {
        let (parent, pod) = from_slice(name)?;
        let is_parent = |above: &&&str| above.strip_suffix(".slice") == Some(parent);
        above.last().filter(is_parent).map(|_| pod)
    })?;
    Some((pod, below.and_then(container::sight_in_pod)))
}

fn from_directory(above: &[&str], name: &str) -> Option<Pod> {
    let qos = match above {
        [.., "kubepods"] => Qos::Guaranteed,
        [.., "kubepods", "burstable"] => Qos::Burstable,
        [.., "kubepods", "besteffort"] => Qos::BestEffort,
        _ => return None,
    };
    Some(Pod { uid: uid(name.strip_prefix("pod")?, b'-')?, qos })
}

/// The pod of a slice, and its parent's name without `.slice`.
fn from_slice(name: &str) -> Option<(&str, Pod)> {
    // The last dash is the one before the pod: those of the id are underscores here.
    let (parent, pod) = name.strip_suffix(".slice")?.rsplit_once('-')?;
    let (tree, qos) = match parent.rsplit_once('-') {
        Some((tree, "burstable")) => (tree, Qos::Burstable),
        Some((tree, "besteffort")) => (tree, Qos::BestEffort),
        _ => (parent, Qos::Guaranteed),
    };
    let root = tree.strip_suffix("kubepods")?;
    let uid = uid(pod.strip_prefix("pod")?, b'_')?;
    (root.is_empty() || root.ends_with('-')).then_some((parent, Pod { uid, qos }))
}

/// A UUID with that dash, or a hash.
fn uid(text: &str, dash: u8) -> Option<String> {
    let is_uuid = || {
        let at =
            |(place, byte)| if matches!(place, 8 | 13 | 18 | 23) { byte == dash } else { is_digit(byte) };
        text.len() == 36 && text.bytes().enumerate().all(at)
    };
    let is_hash = || text.len() == 32 && text.bytes().all(is_digit);
    (is_uuid() || is_hash()).then(|| text.replace('_', "-"))
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
