//! Who is named in the history: each label set once, however many columns name it.

use std::{
    collections::HashSet,
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{
    catalogue::Key,
    snapshot::{Label, Labels},
};

/// A label set that is kept once, so that two names are equal when they are the same.
#[derive(Clone, Debug)]
pub struct Name(Arc<Labels>);

impl Name {
    /// Who it is.
    pub fn labels(&self) -> &Labels {
        &self.0
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// Who a series is about: its labels without those that say what was done.
#[derive(Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) labels: &'a Labels,
    pub(super) attributes: &'static [&'static Key],
}

impl Who<'_> {
    fn iter(&self) -> impl Iterator<Item = &Label> {
        self.labels.iter().filter(|label| !self.attributes.contains(&label.key))
    }
}

impl PartialEq for Who<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Who<'_> {}

impl Hash for Who<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.iter().for_each(|label| label.hash(state));
    }
}

/// All names in use.
#[derive(Default)]
pub(super) struct Names(HashSet<Arc<Labels>>);

impl Names {
    /// The name of this one, which stays as long as somebody has it.
    pub(super) fn of(&mut self, who: Who<'_>) -> Name {
        let labels = who.labels.without(who.attributes);
        if let Some(name) = self.0.get(&labels) {
            return Name(Arc::clone(name));
        }
        let name = Arc::new(labels);
        self.0.insert(Arc::clone(&name));
        Name(name)
    }

    /// Forgets those that nobody has any more. Gives the bytes that the others take.
    pub(super) fn sweep(&mut self) -> usize {
        self.0.retain(|name| Arc::strong_count(name) > 1);
        if self.0.capacity() > 4 * self.0.len().max(64) {
            self.0.shrink_to_fit();
        }
        let of_one = |name: &Arc<Labels>| {
            let labels = name.iter();
            size_of::<Labels>()
                + labels.map(|label| size_of::<Label>() + label.value.len() + PER_BLOCK).sum::<usize>()
        };
        self.0.iter().map(|name| of_one(name) + 2 * PER_BLOCK).sum::<usize>()
            + self.0.capacity() * (size_of::<Name>() + 1)
    }
}

/// What the allocator and a counter of references take for each block, about.
pub(super) const PER_BLOCK: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::keys;

    #[test]
    fn a_name_is_kept_once_and_as_long_as_somebody_has_it() {
        const ATTRIBUTES: &[&Key] = &[&keys::STATE];
        let labels = |state| Labels::new([(&keys::COMMAND, "sh"), (&keys::STATE, state)]);
        let (one, other) = (labels("running"), labels("asleep"));
        let (one, other) =
            (Who { labels: &one, attributes: ATTRIBUTES }, Who { labels: &other, attributes: ATTRIBUTES });
        assert!(one == other);
        let mut names = Names::default();
        let name = names.of(one);
        assert_eq!(name, names.of(other));
        assert_eq!(*name.labels(), Labels::new([(&keys::COMMAND, "sh")]));
        let bytes = names.sweep();
        assert!(bytes > size_of::<Label>());
        drop(name);
        assert!(names.sweep() < bytes);
        assert!(names.0.is_empty());
    }
}
