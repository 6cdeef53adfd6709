//! Who pushes: the exporter's resource, by semantic conventions.
//!
//! It never has the name of a pod or container: receivers that copy a resource's attributes to its series
//! would say of everything on the node that it was the exporter's own pod.

use std::{collections::BTreeMap, env, fs};

use tracing::warn;

/// Beginnings of attributes that the exporter's own resource must not have.
const OF_ITS_POD: [&str; 4] = ["container.", "k8s.pod.", "k8s.container.", "k8s.namespace."];

/// A resource's attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// This exporter's. `node` is the Kubernetes node's name, if it is one; `given` are attributes that
    /// somebody has set, which win.
    pub fn of_this_exporter(node: Option<&str>, given: impl IntoIterator<Item = (String, String)>) -> Self {
        let read = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        // In a pod the host's name is the pod's, unless it has the host's network.
        let in_a_pod = env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        let host = if in_a_pod { None } else { read("/proc/sys/kernel/hostname") };
        let host = node.map(str::to_owned).or(host);
        let known = [
            ("service.name", Some(env!("CARGO_PKG_NAME").to_owned())),
            ("service.version", Some(env!("CARGO_PKG_VERSION").to_owned())),
            // One exporter per host, so this is unique, and stays over restarts.
            ("service.instance.id", host.clone()),
            ("host.name", host),
            ("host.id", read("/etc/machine-id")),
            ("host.arch", Some(architecture().to_owned())),
            ("os.type", Some("linux".to_owned())),
            ("os.version", read("/proc/sys/kernel/osrelease")),
            ("k8s.node.name", node.map(str::to_owned)),
        ];
        let known = known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Self::new(known.filter(|(_, value)| !value.is_empty()).chain(given))
    }

    /// These, without what the exporter's own resource must not have; the last of one name wins.
    pub fn new(attributes: impl IntoIterator<Item = (String, String)>) -> Self {
        let (refused, kept): (Vec<_>, Vec<_>) = attributes
            .into_iter()
            .partition(|(key, _)| OF_ITS_POD.iter().any(|beginning| key.starts_with(beginning)));
        for (key, _) in refused {
            warn!(key, "not in the resource: it would seem to be that of everything on this node");
        }
        Self(kept.into_iter().collect())
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Those that are true of everything on this host.
    pub fn of_the_host(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all().filter(|(key, _)| !key.starts_with("service.") && !key.starts_with("telemetry."))
    }
}

/// As semantic conventions call it.
fn architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_it_runs_but_never_in_which_pod() {
        let given = [("k8s.pod.name", "kernel-exporter-x7"), ("service.name", "mine"), ("team", "blue")];
        let given = given.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let attributes = Attributes::of_this_exporter(Some("node-1"), given);
        let get = |key: &str| attributes.all().find(|(name, _)| *name == key).map(|(_, value)| value);
        assert_eq!(get("service.name"), Some("mine"));
        assert_eq!(get("service.version"), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(get("service.instance.id"), Some("node-1"));
        assert_eq!(get("host.name"), Some("node-1"));
        assert_eq!(get("k8s.node.name"), Some("node-1"));
        assert_eq!(get("os.type"), Some("linux"));
        // What a container without the file lacks.
        let machine = fs::read_to_string("/etc/machine-id").ok().filter(|id| !id.trim().is_empty());
        assert_eq!(get("host.id"), machine.as_deref().map(str::trim));
        assert!(get("os.version").is_some_and(|version| version.contains('.')));
        assert_eq!(get("team"), Some("blue"));
        assert_eq!(get("k8s.pod.name"), None);
        assert!(attributes.of_the_host().all(|(key, _)| !key.starts_with("service.")));
    }
}
