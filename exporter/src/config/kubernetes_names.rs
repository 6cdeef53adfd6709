//! Names and addresses with Kubernetes' rules.

use std::{collections::BTreeMap, fmt, str::FromStr};

use hyper::Uri;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Unexpected, Visitor};

use super::{
    text::{Written, explained},
    with::Pattern,
};
use crate::entities::kubernetes::prometheus_name;

/// The name of a node, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeName(String);

impl NodeName {
    /// The name; empty if there is none.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = &'static str;

    /// Also keeps anything that could mean more than a name out of the watch's field selector.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || is_subdomain(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err("small letters, digits, dashes and dots, beginning and ending with a letter or digit")
        }
    }
}

impl Written for NodeName {
    const EXPECTED: &'static str = "the name of a node, or \"\" for the default";
}

impl Pattern for NodeName {
    const PATTERN: &'static str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$";
    const MAY_BE_DIGITS: bool = true;
}

/// `https://HOST` or `https://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletUrl(String);

impl KubeletUrl {
    /// The URL, without a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for KubeletUrl {
    fn default() -> Self {
        Self("https://127.0.0.1:10250".to_owned())
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KubeletUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KubeletUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| "not a URL")?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") => return Err("only https: a token is sent along"),
            _ => return Err("begin with https://"),
        }
        if uri.path_and_query().is_some_and(|path| path != "/") {
            return Err("without a path: /pods is appended");
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("without a user: name a token_file instead");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl Written for KubeletUrl {
    const EXPECTED: &'static str = "the kubelet's URL, such as https://127.0.0.1:10250";
}

impl Pattern for KubeletUrl {
    const PATTERN: &'static str = "^[Hh][Tt][Tt][Pp][Ss]://[^/?#@]+/?(#.*)?$";
}

/// Reads a list of labels of pods.
pub(super) fn label_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(Keys("label"))
}

/// Reads a list of annotations of pods.
pub(super) fn annotation_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(Keys("annotation"))
}

/// What both lists look like to those who only know their form.
pub(super) fn keys_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "uniqueItems": true,
        "items": {
            // YAML takes a key of digits for a number.
            "type": ["string", "integer"],
            "minimum": 0,
            "pattern": r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$",
        },
    })
}

struct Keys(&'static str);

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of pods' {}s, such as [app.kubernetes.io/name]", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        let mut taken = BTreeMap::new();
        while let Some(key) = list.next_element_seed(NextKey { kind: self.0, taken: &mut taken })? {
            keys.push(key);
        }
        Ok(keys)
    }
}

/// Reads one key. It checks for metric labels that are taken while it is at the element, so that the error
/// has the element's path.
struct NextKey<'a> {
    kind: &'static str,
    taken: &'a mut BTreeMap<String, String>,
}

impl<'de> DeserializeSeed<'de> for NextKey<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for NextKey<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key of a pod's {}", self.kind)
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        if !is_qualified_name(key) {
            let reason = "NAME or PREFIX/NAME, with at most 63 letters, digits, dashes, underscores and dots";
            return Err(explained(Unexpected::Str(key), &self as &dyn serde::de::Expected, reason));
        }
        let name = prometheus_name(self.kind, key);
        match self.taken.insert(name.clone(), key.to_owned()) {
            None => Ok(key.to_owned()),
            Some(other) if other == key => Err(E::custom(format_args!("{key:?} is already in the list"))),
            Some(other) => Err(E::custom(format_args!(
                "{key:?} and {other:?} would both be the metric label {name}; keep one"
            ))),
        }
    }

    /// YAML takes a key of digits for a number.
    fn visit_u64<E: Error>(self, key: u64) -> Result<String, E> {
        self.visit_str(&key.to_string())
    }
}

/// As labels and annotations are called: `app`, `app.kubernetes.io/name`.
fn is_qualified_name(key: &str) -> bool {
    let (is_prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (is_subdomain(prefix), name),
        None => (true, key),
    };
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    is_prefix
        && bytes.len() <= 63
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// RFC 1123 in small letters, as nodes and prefixes are called.
fn is_subdomain(name: &str) -> bool {
    let is_small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_end = |byte: Option<&u8>| byte.is_some_and(|byte| is_small(*byte));
    name.len() <= 253
        && name.split('.').map(str::as_bytes).all(|part| {
            is_end(part.first())
                && is_end(part.last())
                && part.iter().all(|byte| is_small(*byte) || *byte == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kubernetes_rules() {
        for name in ["node-1", "ip-10-0-0-1.eu-central-1.compute.internal", "1"] {
            assert!(is_subdomain(name), "{name}");
        }
        for name in ["", "Node", "node_1", "-node", "node-", "a..b", "a,b", "a=b", &"a".repeat(254)] {
            assert!(!is_subdomain(name), "{name}");
        }
        for key in ["app", "app.kubernetes.io/name", "A_b.c-d", &"a".repeat(63)] {
            assert!(is_qualified_name(key), "{key}");
        }
        for key in ["", "a/", "/a", "a/b/c", "-a", "a.", "Upper.case/a", "a b", "a*", &"a".repeat(64)] {
            assert!(!is_qualified_name(key), "{key}");
        }
    }

    #[test]
    fn urls_have_a_host_and_nothing_else() {
        let parse = |text: &str| text.parse::<KubeletUrl>().map(|url| url.to_string());
        assert_eq!(parse("https://[::1]:10250/").as_deref(), Ok("https://[::1]:10250"));
        assert_eq!(parse("https://node-1").as_deref(), Ok("https://node-1"));
        for bad in
            ["", "127.0.0.1:10250", "http://127.0.0.1:10255", "https://", "https://a/pods", "https://a:b@c"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
