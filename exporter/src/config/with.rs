//! How values stand in the config, for `#[serde(with = "…")]`: one word at a field says how it is read, how it is
//! written, and what the JSON schema says of it.

use std::{borrow::Cow, fmt::Display, marker::PhantomData, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    duration::show,
    range::{duration, whole_number},
    text::{Written, parsed},
};

/// What a schema says of a text.
pub(super) trait Pattern: Written + Display {
    /// A regular expression, of the kind that ECMA-262 and Python share, that every text matches which can be
    /// read. It need not tell every text that can't.
    const PATTERN: &'static str;
    /// Whether digits alone can be such a text, which YAML takes for a number.
    const MAY_BE_DIGITS: bool = false;
}

/// A text with a grammar of its own: `#[serde(with = "Text::<T>")]`.
pub(super) struct Text<T>(PhantomData<T>);

impl<T: Pattern> Text<T> {
    /// Reads it; an error explains what is wrong.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        parsed(deserializer)
    }

    /// Writes it so that it is read back.
    pub(super) fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }
}

impl<T: Pattern> JsonSchema for Text<T> {
    fn schema_name() -> Cow<'static, str> {
        T::EXPECTED.into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if T::MAY_BE_DIGITS {
            json_schema!({ "type": ["string", "integer"], "minimum": 0, "pattern": T::PATTERN })
        } else {
            json_schema!({ "type": "string", "pattern": T::PATTERN })
        }
    }
}

/// A whole number from `MIN` to `MAX`, both of which the field's type must hold:
/// `#[serde(with = "WholeNumber::<MIN, MAX>")]`.
pub(super) struct WholeNumber<const MIN: i64, const MAX: i64>;

impl<const MIN: i64, const MAX: i64> WholeNumber<MIN, MAX> {
    /// Reads one.
    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: TryFrom<i64>,
        D: Deserializer<'de>,
    {
        whole_number::<MIN, MAX, _, _>(deserializer)
    }

    /// Writes one.
    pub(super) fn serialize<T, S>(number: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Serialize,
        S: Serializer,
    {
        number.serialize(serializer)
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for WholeNumber<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "WholeNumber".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A duration from `MIN` to `MAX` milliseconds: `#[serde(with = "Milliseconds::<MIN, MAX>")]`.
pub(super) struct Milliseconds<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Milliseconds<MIN, MAX> {
    /// Reads one, with its unit.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        duration::<MIN, MAX, _>(deserializer)
    }

    /// Writes one, with its unit.
    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&show(*duration))
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Milliseconds<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// JSON Schema has no ranges of durations; the keywords with an `x` are for descriptions and for our tests.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 2,
            "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "x-minimum": show(Duration::from_millis(MIN)),
            "x-maximum": show(Duration::from_millis(MAX)),
        })
    }
}

/// The same, or nothing: `#[serde(with = "PerhapsMilliseconds::<MIN, MAX>")]`.
pub(super) struct PerhapsMilliseconds<const MIN: u64, const MAX: u64>;

/// A duration that was read by its range.
struct Read<const MIN: u64, const MAX: u64>(Duration);

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Read<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        duration::<MIN, MAX, _>(deserializer).map(Self)
    }
}

impl<const MIN: u64, const MAX: u64> PerhapsMilliseconds<MIN, MAX> {
    /// Reads one, with its unit.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Read<MIN, MAX>>::deserialize(deserializer)?.map(|Read(duration)| duration))
    }

    /// Writes one, with its unit.
    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(show).serialize(serializer)
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for PerhapsMilliseconds<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "PerhapsDuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Milliseconds::<MIN, MAX>::json_schema(generator);
        schema.insert("type".to_owned(), ["string", "null"].into_iter().collect());
        schema
    }
}
