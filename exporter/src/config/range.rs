//! Values with a range, which is written at the field that has it.

use std::{fmt, ops::RangeInclusive, time::Duration};

use serde::{
    Deserialize,
    de::{Deserializer, Error, Unexpected, Visitor},
};

use super::{
    duration::{parse, show},
    text::explained,
};

/// Reads a whole number from `MIN` to `MAX`, both of which `T` must hold.
pub(crate) fn whole_number<'de, const MIN: i64, const MAX: i64, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<i64>,
    D: Deserializer<'de>,
{
    let range = WholeNumber(MIN..=MAX);
    let number = deserializer.deserialize_any(WholeNumber(MIN..=MAX))?;
    T::try_from(number).map_err(|_| D::Error::invalid_value(Unexpected::Signed(number), &range))
}

struct WholeNumber(RangeInclusive<i64>);

impl Visitor<'_> for WholeNumber {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.0.start(), self.0.end())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        if self.0.contains(&number) {
            Ok(number)
        } else {
            Err(E::invalid_value(Unexpected::Signed(number), &self))
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }
}

/// Reads a duration from `MIN` to `MAX` milliseconds.
pub(super) fn duration<'de, const MIN: u64, const MAX: u64, D>(deserializer: D) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(InRange(Duration::from_millis(MIN)..=Duration::from_millis(MAX)))
}

struct InRange(RangeInclusive<Duration>);

impl fmt::Display for InRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a duration from {} to {}", show(*self.0.start()), show(*self.0.end()))
    }
}

impl InRange {
    fn read<E: Error>(&self, text: &str, found: Unexpected<'_>) -> Result<Duration, E> {
        let duration = parse(text).map_err(|reason| explained(found, self, reason))?;
        if self.0.contains(&duration) { Ok(duration) } else { Err(E::invalid_value(found, self)) }
    }
}

impl Visitor<'_> for InRange {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        self.read(text, Unexpected::Str(text))
    }

    /// A bare number is text without a unit: the error says so.
    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        self.read(&number.to_string(), Unexpected::Unsigned(number))
    }
}

/// Reads the exponents of the first and the last bound, of which the first must not be above the last.
pub(super) fn ordered<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    for<'a> RangeInclusive<i32>: From<&'a T>,
    D: Deserializer<'de>,
{
    let bounds = T::deserialize(deserializer)?;
    let range = RangeInclusive::from(&bounds);
    if range.is_empty() {
        let (min, max) = range.into_inner();
        return Err(D::Error::custom(format_args!("min_exponent ({min}) is above max_exponent ({max})")));
    }
    Ok(bounds)
}
