//! Which of a pod's labels and annotations are kept, and what they are called as metric labels.

use std::{collections::BTreeMap, sync::Arc};

use super::object::Metadata;

/// Labels have at most 63 bytes; an annotation may have 256 KiB, which no metric label should have.
const LONGEST_VALUE: usize = 1024;

/// A label or an annotation that the config asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct TagName {
    key: String,
    /// As kube-state-metrics writes it: `label_app_kubernetes_io_name`.
    pub prometheus: String,
    /// By semantic conventions: `k8s.pod.label.app.kubernetes.io/name`.
    pub opentelemetry: String,
}

/// A label or an annotation of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What it is called.
    pub name: Arc<TagName>,
    /// Its value, whatever characters it has, cut after 1,024 bytes.
    pub value: String,
}

/// Which labels and annotations are kept.
#[derive(Debug, Default)]
pub(super) struct Selection {
    labels: Vec<Arc<TagName>>,
    annotations: Vec<Arc<TagName>>,
}

impl Selection {
    pub(super) fn new(labels: &[String], annotations: &[String]) -> Self {
        let names = |keys: &[String], kind: &str| {
            let name = |key: &String| TagName {
                key: key.clone(),
                prometheus: prometheus_name(kind, key),
                opentelemetry: format!("k8s.pod.{kind}.{key}"),
            };
            keys.iter().map(|key| Arc::new(name(key))).collect()
        };
        Self { labels: names(labels, "label"), annotations: names(annotations, "annotation") }
    }

    /// What of this pod's is kept, in the config's order.
    pub(super) fn of(&self, metadata: &Metadata) -> Box<[Tag]> {
        let labels = self.labels.iter().filter_map(|name| tag(name, &metadata.labels));
        labels.chain(self.annotations.iter().filter_map(|name| tag(name, &metadata.annotations))).collect()
    }
}

fn tag(name: &Arc<TagName>, values: &BTreeMap<String, String>) -> Option<Tag> {
    let value = values.get(&name.key)?;
    Some(Tag { name: Arc::clone(name), value: value[..value.floor_char_boundary(LONGEST_VALUE)].to_owned() })
}

/// The name that kube-state-metrics gives to a label or annotation: `kind`, an underscore, and the key in
/// snake case with underscores for all that a metric label's name can't have.
pub(crate) fn prometheus_name(kind: &str, key: &str) -> String {
    let mut name = format!("{kind}_");
    let mut after_small = false;
    for c in key.chars() {
        if after_small && c.is_ascii_uppercase() {
            name.push('_');
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_kube_state_metrics() {
        for (key, name) in [
            ("app", "label_app"),
            ("app.kubernetes.io/name", "label_app_kubernetes_io_name"),
            ("camelCase", "label_camel_case"),
            ("HTTPServer2Go", "label_httpserver2_go"),
            ("with-dash_and.dot", "label_with_dash_and_dot"),
        ] {
            assert_eq!(prometheus_name("label", key), name);
        }
    }

    #[test]
    fn only_what_is_asked_for_is_kept_and_only_so_much_of_it() {
        let selection = Selection::new(&["team".to_owned(), "absent".to_owned()], &["note".to_owned()]);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let metadata = Metadata {
            labels: [pair("team", "a\"b\n"), pair("app", "web")].into(),
            annotations: [pair("note", &"ä".repeat(4000)), pair("team", "no label")].into(),
            ..Metadata::default()
        };
        let tags = selection.of(&metadata);
        let [team, note] = &*tags else { panic!("{tags:?}") };
        assert_eq!((team.name.prometheus.as_str(), team.value.as_str()), ("label_team", "a\"b\n"));
        assert_eq!(team.name.opentelemetry, "k8s.pod.label.team");
        assert_eq!((note.name.prometheus.as_str(), note.value.len()), ("annotation_note", 1024));
    }
}
