//! Label sets: text that is already safe to show.

use std::sync::Arc;

use crate::catalogue::{Fold, Key, OTHER_CGROUPS, keys};

/// One label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// Its name under both conventions.
    pub key: &'static Key,
    /// Its value.
    pub value: Arc<str>,
}

/// A label set, ordered by key, without duplicates. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    /// A label set.
    pub fn new<'a>(labels: impl IntoIterator<Item = (&'static Key, &'a str)>) -> Self {
        Self::sorted(labels.into_iter().map(|(key, value)| Label { key, value: value.into() }).collect())
    }

    /// This set with more labels.
    #[must_use]
    pub fn with<'a>(&'a self, more: impl IntoIterator<Item = (&'static Key, &'a str)>) -> Self {
        Self::new(self.0.iter().map(|label| (label.key, &*label.value)).chain(more))
    }

    /// This set and another one; where both have a key, this one's value.
    #[must_use]
    pub fn and(&self, labels: &Self) -> Self {
        Self::sorted(self.0.iter().chain(labels.iter()).cloned().collect())
    }

    /// This set with `labels` in place of a key.
    #[must_use]
    pub fn replaced(&self, key: &Key, labels: &Self) -> Self {
        Self::sorted(self.0.iter().filter(|label| label.key != key).chain(labels.iter()).cloned().collect())
    }

    /// This set without some keys. Values are shared, not copied.
    #[must_use]
    pub fn without(&self, keys: &[&Key]) -> Self {
        let goes = |label: &&Label| keys.contains(&label.key);
        if !self.0.iter().any(|label| goes(&label)) {
            return self.clone();
        }
        Self(self.0.iter().filter(|label| !goes(label)).cloned().collect())
    }

    fn sorted(mut labels: Vec<Label>) -> Self {
        labels.sort_by_key(|label| label.key);
        labels.dedup_by(|a, b| a.key == b.key);
        Self(labels.into())
    }

    /// This set with everything that says who did it replaced by the values that stand for all the rest.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self::new(self.0.iter().filter_map(|Label { key, value }| match key.fold {
            Fold::Stays => Some((*key, &**value)),
            Fold::As(all_others) => Some((*key, all_others)),
            Fold::Cgroup => Some((&keys::CGROUP, OTHER_CGROUPS)),
            Fold::Goes => None,
        }))
    }

    /// The labels in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Label> {
        self.0.iter()
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<&str> {
        self.0.iter().find(|label| label.key == key).map(|label| &*label.value)
    }
}

/// Bytes that the kernel calls a name, as text: valid UTF-8 stays, other bytes become `\xNN`.
///
/// Control characters, quotes and backslashes stay as they are; every exposition escapes them in its own
/// way.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_become_visible_and_the_rest_stays() {
        assert_eq!(text(b"a\"b\\c\nd"), "a\"b\\c\nd");
        assert_eq!(text(b"caf\xc3\xa9 \xff\xfe"), "café \\xff\\xfe");
    }
}
