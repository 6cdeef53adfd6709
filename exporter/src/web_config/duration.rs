//! Durations as Go writes them, which is what the format has: `1s`, `1.5h`, `1m30s`, `200us`.

use std::{str::FromStr, time::Duration};

use crate::config::Written;

/// Units and their nanoseconds. Microseconds have three spellings: ASCII, micro sign and Greek letter.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A duration of at most a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GoDuration(pub(super) Duration);

const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Written for GoDuration {
    const EXPECTED: &'static str = "a duration such as 100ms or 1m30s, or 0";
}

impl FromStr for GoDuration {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "0" {
            return Ok(Self::default());
        }
        let mut sum = Duration::ZERO;
        let mut rest = text;
        loop {
            let (number, tail) = split_where(rest, |c| !c.is_ascii_digit() && c != '.');
            let (unit, tail) = split_where(tail, |c| c.is_ascii_digit() || c == '.');
            if unit.is_empty() && !number.is_empty() {
                return Err("add a unit (h, m, s, ms, us or ns)");
            }
            let (_, nanoseconds) = UNITS
                .into_iter()
                .find(|(name, _)| *name == unit)
                .ok_or("the units are h, m, s, ms, us and ns")?;
            sum = times(number, nanoseconds)
                .and_then(|part| sum.checked_add(part))
                .filter(|sum| *sum <= LONGEST)
                .ok_or("write numbers of at most a day")?;
            if tail.is_empty() {
                return Ok(Self(sum));
            }
            rest = tail;
        }
    }
}

/// A decimal number of units, rounded down to nanoseconds.
fn times(number: &str, nanoseconds: u64) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u64>().ok() };
    // More digits are below a nanosecond in any unit.
    let fraction = &fraction[..fraction.len().min(15)];
    let scale = 10_u128.pow(fraction.len() as u32);
    let parts = u128::from(digits(whole)?) * scale + u128::from(digits(fraction)?);
    u64::try_from(parts.checked_mul(nanoseconds.into())? / scale).ok().map(Duration::from_nanos)
}

fn split_where(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("0s", 0),
            ("1s", 1_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1m30s", 90_000_000_000),
            ("30s1m", 90_000_000_000),
            ("200us", 200_000),
            ("200µs", 200_000),
            ("3ns", 3),
            ("24h", 86_400_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(GoDuration(Duration::from_nanos(nanoseconds))), "{text}");
        }
        for text in
            ["", "1", "s", ".s", "-1s", "+1s", "1.2.3s", "1d", "1 s", "24h1ns", "99999999999999999999h", "é"]
        {
            assert!(text.parse::<GoDuration>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9.hmsuµ -]{0,24}|.*") {
            let _ = text.parse::<GoDuration>();
        }
    }
}
