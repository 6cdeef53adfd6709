//! Containers, as their runtimes name their cgroups.

use super::machine;

/// A container: a runtime's, or a system container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Container {
    /// What made its cgroup.
    pub runtime: Runtime,
    /// 64 lower-case hexadecimal digits; for LXC and systemd-nspawn the machine's name.
    pub id: String,
}

/// What made a container's cgroup, as far as the name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// containerd, by the kubelet's orders or nerdctl's.
    Containerd,
    /// CRI-O.
    CriO,
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// LXC, LXD and Incus.
    Lxc,
    /// systemd-nspawn, or another registrar of machines that names them alike.
    Nspawn,
    /// The name is an id without a word about the runtime (the kubelet's `cgroupfs` driver), or runc or crun was
    /// run by hand.
    Unknown,
}

impl Runtime {
    /// Its name in labels: the one in Kubernetes' container ids where there is one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Lxc => "lxc",
            Self::Nspawn => "systemd-nspawn",
            Self::Unknown => "unknown",
        }
    }
}

/// What a cgroup is to a container.
pub(super) enum Sight {
    /// The container itself.
    Container(Container),
    /// The cgroup of the process that looks after it.
    Monitor(Container),
}

impl Sight {
    fn container(runtime: Runtime, id: &str) -> Self {
        Self::Container(Container { runtime, id: id.into() })
    }

    fn monitor(runtime: Runtime, id: &str) -> Self {
        Self::Monitor(Container { runtime, id: id.into() })
    }
}

/// What the cgroup `name` is outside of pods. `above` begins at the root, or in the innermost container.
pub(super) fn sight(above: &[&str], name: &str, below: Option<&str>) -> Option<Sight> {
    prefixed(name).or_else(|| in_directory(above, name)).or_else(|| machine::sight(above, name, below))
}

/// What the cgroup `name` right below a pod's is.
pub(super) fn sight_in_pod(name: &str) -> Option<Sight> {
    prefixed(name).or_else(|| is_id(name).then(|| Sight::container(Runtime::Unknown, name)))
}

/// Scopes (`docker-<id>.scope`), the same as directories without systemd, and what runtimes say to systemd
/// (`system.slice:docker:<id>`) where it was taken for a directory.
fn prefixed(name: &str) -> Option<Sight> {
    let (prefix, id, is_scope) = if let Some((slice, rest)) = name.split_once(':') {
        let (prefix, id) = rest.split_once(':').filter(|_| slice.is_empty() || slice.ends_with(".slice"))?;
        (prefix, id, true)
    } else {
        let stem = name.strip_suffix(".scope");
        let (prefix, id) = stem.unwrap_or(name).rsplit_once('-')?;
        (prefix, id, stem.is_some())
    };
    if !is_id(id) {
        return None;
    }
    match (prefix, is_scope) {
        ("cri-containerd" | "nerdctl", true) => Some(Sight::container(Runtime::Containerd, id)),
        ("docker", true) => Some(Sight::container(Runtime::Docker, id)),
        ("runc" | "crun", true) => Some(Sight::container(Runtime::Unknown, id)),
        ("crio", _) => Some(Sight::container(Runtime::CriO, id)),
        ("crio-conmon", _) => Some(Sight::monitor(Runtime::CriO, id)),
        // The payload is what `--cgroups=split` makes in a service of its own.
        ("libpod" | "libpod-payload", _) => Some(Sight::container(Runtime::Podman, id)),
        ("libpod-conmon", _) => Some(Sight::monitor(Runtime::Podman, id)),
        _ => None,
    }
}

/// Bare ids, in directories that only one runtime makes.
fn in_directory(above: &[&str], name: &str) -> Option<Sight> {
    let runtime = match above {
        [.., "docker"] | [.., "docker", "buildx"] => Runtime::Docker,
        // Tasks of Amazon's container service, with or without the cluster's name.
        ["ecs", _] | ["ecs", _, _] => Runtime::Docker,
        // The namespaces of `ctr` and nerdctl, and of CRI without a parent.
        ["default" | "k8s.io"] => Runtime::Containerd,
        _ => return None,
    };
    is_id(name).then(|| Sight::container(runtime, name))
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
