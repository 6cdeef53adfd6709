//! Lists of names without duplicates.

use std::{collections::BTreeSet, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, SeqAccess, Visitor},
};

/// What stands in such a list.
pub(super) trait Named: for<'de> Deserialize<'de> + Ord + Clone + fmt::Display {
    /// Some of them, for messages.
    const EXAMPLE: &'static str;
}

/// Reads a list of names without duplicates; it may be empty.
pub(super) fn name_set<'de, D: Deserializer<'de>, T: Named>(
    deserializer: D,
) -> Result<BTreeSet<T>, D::Error> {
    deserializer.deserialize_seq(Names(PhantomData))
}

struct Names<T>(PhantomData<T>);

impl<'de, T: Named> Visitor<'de> for Names<T> {
    type Value = BTreeSet<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of names, such as [{}]", T::EXAMPLE)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut names = BTreeSet::new();
        while list.next_element_seed(Next(&mut names))?.is_some() {}
        Ok(names)
    }
}

/// Reads one name into the set, so that the error for a duplicate has the element's path.
struct Next<'a, T>(&'a mut BTreeSet<T>);

impl<'de, T: Named> DeserializeSeed<'de> for Next<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let name = T::deserialize(deserializer)?;
        if self.0.insert(name.clone()) {
            Ok(())
        } else {
            Err(D::Error::custom(format_args!("\"{name}\" is already in the list")))
        }
    }
}
