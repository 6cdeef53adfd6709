//! The line and column of a path.
//!
//! The YAML library tells positions only in errors. So the document is read again by a visitor that follows
//! the path and fails on purpose where it ends: the library adds the position to that error.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    error::Position,
    problem::{Kind, Problem, Step},
};

/// Where `problem` is in `text`, which must be valid YAML.
pub(super) fn locate(text: &str, problem: &Problem) -> Option<Position> {
    let end = match problem.kind {
        Kind::Value(_) => End::Value,
        Kind::UnknownKey(_) => End::Key { occurrence: 1 },
        Kind::DuplicateKey => End::Key { occurrence: 2 },
    };
    let path = problem.path();
    let found = Walk { path: &path, end }.deserialize(serde_yaml::Deserializer::from_str(text));
    Position::of(&found.err()?)
}

/// What of the last step's position is wanted.
#[derive(Clone, Copy)]
enum End {
    Value,
    Key { occurrence: u32 },
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    path: &'a [Step],
    end: End,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Scalars need no method: the default one fails, and nothing but the end of a path is a scalar.
impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another step of the path")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<(), A::Error> {
        let [Step::Key(name), rest @ ..] = self.path else {
            return Err(A::Error::custom("the path ends here"));
        };
        let mut seen = 0;
        loop {
            let fail_at = match self.end {
                End::Key { occurrence } if rest.is_empty() => Some(occurrence),
                _ => None,
            };
            match mapping.next_key_seed(KeyIs { name, seen: &mut seen, fail_at })? {
                None => return Ok(()),
                Some(true) if fail_at.is_none() => {
                    return mapping.next_value_seed(Walk { path: rest, ..self });
                }
                Some(_) => {
                    mapping.next_value::<IgnoredAny>()?;
                }
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let [Step::Index(index), rest @ ..] = self.path else {
            return Err(A::Error::custom("the path ends here"));
        };
        for _ in 0..*index {
            list.next_element::<IgnoredAny>()?;
        }
        list.next_element_seed(Walk { path: rest, ..self }).map(|_| ())
    }
}

/// Tells whether a key is the wanted one, and fails at its wanted occurrence.
struct KeyIs<'a> {
    name: &'a str,
    seen: &'a mut u32,
    fail_at: Option<u32>,
}

impl<'de> DeserializeSeed<'de> for KeyIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        if key != self.name {
            return Ok(false);
        }
        *self.seen += 1;
        if self.fail_at == Some(*self.seen) { Err(E::custom("the path ends here")) } else { Ok(true) }
    }
}
