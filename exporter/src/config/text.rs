//! Values that are written as text with a grammar of their own.

use std::{
    fmt::{self, Display},
    marker::PhantomData,
    str::FromStr,
};

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// A type that is written as text in the config.
pub(crate) trait Written: FromStr<Err: Display> {
    /// How to write it, for errors.
    const EXPECTED: &'static str;
}

/// Reads a value through its [`FromStr`], whose error explains what is wrong.
pub(crate) fn parsed<'de, T: Written, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Parsed(PhantomData))
}

struct Parsed<T>(PhantomData<T>);

impl<T: Written> Parsed<T> {
    fn read<E: Error>(text: &str, found: Unexpected<'_>) -> Result<T, E> {
        text.parse().map_err(|reason| explained(found, T::EXPECTED, reason))
    }
}

impl<T: Written> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Self::read(text, Unexpected::Str(text))
    }

    /// YAML takes text of digits for a number; what is wrong with it is the type's to say.
    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Self::read(&number.to_string(), Unexpected::Unsigned(number))
    }
}

/// The error for a value of the right type that is wrong for a reason.
pub(super) fn explained<E: Error>(found: Unexpected<'_>, expected: impl Display, reason: impl Display) -> E {
    E::invalid_value(found, &format!("{expected}: {reason}").as_str())
}
