//! Durations as people write them: `10s`, `500ms`, `1m30s`.

use std::time::Duration;

/// Units and their milliseconds, largest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A number without a unit.
    #[error("add a unit (h, m, s or ms)")]
    MissingUnit,
    /// A number with something else behind it.
    #[error("there is no unit {0:?} (use h, m, s or ms)")]
    UnknownUnit(String),
    /// Not a sequence of numbers with units, each smaller than the one before.
    #[error("write whole numbers with units, largest first, such as 10s, 500ms or 1m30s")]
    Malformed,
    /// More milliseconds than 64 bits hold.
    #[error("too long")]
    TooLong,
}

/// Reads whole numbers with the units `h`, `m`, `s` and `ms`, each at most once and largest first.
///
/// # Errors
///
/// When the text is anything else; the error says how to write it.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let mut milliseconds = 0_u64;
    let mut larger = u64::MAX;
    let mut rest = text;
    loop {
        let (number, tail) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, tail) = split_where(tail, |c| !c.is_ascii_alphabetic());
        if number.is_empty() || (unit.is_empty() && !tail.is_empty()) {
            return Err(DurationError::Malformed);
        }
        if unit.is_empty() {
            return Err(DurationError::MissingUnit);
        }
        let Some((_, factor)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
            return Err(DurationError::UnknownUnit(unit.to_owned()));
        };
        if factor >= larger {
            return Err(DurationError::Malformed);
        }
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        milliseconds = part.and_then(|part| milliseconds.checked_add(part)).ok_or(DurationError::TooLong)?;
        if tail.is_empty() {
            return Ok(Duration::from_millis(milliseconds));
        }
        (larger, rest) = (factor, tail);
    }
}

fn split_where(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

/// Writes a duration so that [`parse`] reads it back, less anything below a millisecond.
pub fn show(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (name, factor) in UNITS {
        let (number, remainder) = (rest / u128::from(factor), rest % u128::from(factor));
        if number > 0 {
            text.push_str(&format!("{number}{name}"));
        }
        rest = remainder;
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("2h1ms", 7_200_001),
            ("0s", 0),
            ("90m", 5_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let unknown = |unit: &str| DurationError::UnknownUnit(unit.to_owned());
        for (text, error) in [
            ("", DurationError::Malformed),
            ("s", DurationError::Malformed),
            ("10", DurationError::MissingUnit),
            ("1m30", DurationError::MissingUnit),
            ("10 s", DurationError::Malformed),
            ("1.5s", DurationError::Malformed),
            ("-1s", DurationError::Malformed),
            ("30s1m", DurationError::Malformed),
            ("1s1s", DurationError::Malformed),
            ("10sec", unknown("sec")),
            ("10S", unknown("S")),
            ("10µs", DurationError::Malformed),
            ("99999999999999999999s", DurationError::TooLong),
            ("18446744073709551615h", DurationError::TooLong),
        ] {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_shows(milliseconds: u64) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&show(duration)), Ok(duration));
        }

        #[test]
        fn never_panics(text: String) {
            let _ = parse(&text);
        }
    }
}
