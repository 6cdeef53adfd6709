//! What the exporter may cost.

use std::{fmt, str::FromStr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    text::Written,
    with::{Milliseconds, Pattern, Text},
};

/// What the exporter may cost, and over how long a time that is measured.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Of the time of all CPUs together.
    #[serde(with = "Text::<CpuShare>")]
    pub cpu: CpuShare,
    /// It is over the budget only when it is so on average over this time.
    #[serde(with = "Milliseconds::<1_000, 3_600_000>")]
    pub window: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { cpu: CpuShare::default(), window: Duration::from_secs(60) }
    }
}

/// A part of the time of all CPUs, such as `1%` or `0.25%`, or `off` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuShare(Option<u32>);

/// Parts of a per cent that can be told apart.
const PARTS: u32 = 1000;

impl CpuShare {
    /// As a fraction of one; `None` for no limit.
    pub fn fraction(self) -> Option<f64> {
        self.0.map(|parts| f64::from(parts) / f64::from(100 * PARTS))
    }
}

impl Default for CpuShare {
    /// One per cent.
    fn default() -> Self {
        Self(Some(PARTS))
    }
}

impl fmt::Display for CpuShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(parts) => write!(f, "{}%", f64::from(parts) / f64::from(PARTS)),
            None => f.write_str("off"),
        }
    }
}

/// Why a text is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuShareError {
    /// Neither a number with a sign behind it, nor `off`.
    #[error("write per cent with the sign, such as 1% or 0.25%, with at most three decimals")]
    Malformed,
    /// Out of range.
    #[error("it must be above 0% and at most 100%; `off` is no limit")]
    Range,
}

impl FromStr for CpuShare {
    type Err = CpuShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self(None));
        }
        let number = text.strip_suffix('%').ok_or(CpuShareError::Malformed)?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) || decimals.len() > 3 {
            return Err(CpuShareError::Malformed);
        }
        let whole: u32 = whole.parse().map_err(|_| CpuShareError::Range)?;
        let decimals: u32 = format!("{decimals:0<3}").parse().map_err(|_| CpuShareError::Malformed)?;
        let parts = whole.checked_mul(PARTS).and_then(|parts| parts.checked_add(decimals));
        parts
            .filter(|parts| (1..=100 * PARTS).contains(parts))
            .map(|parts| Self(Some(parts)))
            .ok_or(CpuShareError::Range)
    }
}

impl Written for CpuShare {
    const EXPECTED: &'static str = "a share of the CPU time, such as 1%, or off";
}

impl Pattern for CpuShare {
    const PATTERN: &'static str = r"^(off|[0-9]+(\.[0-9]{1,3})?%)$";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_written() {
        for (text, fraction) in
            [("1%", 0.01), ("0.25%", 0.0025), ("0.001%", 1e-5), ("100%", 1.0), ("12.5%", 0.125)]
        {
            let share: CpuShare = text.parse().expect(text);
            assert_eq!((share.fraction(), &*share.to_string()), (Some(fraction), text));
        }
        let off: CpuShare = "off".parse().expect("no limit");
        assert_eq!((off.fraction(), &*off.to_string()), (None, "off"));
    }

    #[test]
    fn other_texts_are_not() {
        for (text, error) in [
            ("1", CpuShareError::Malformed),
            ("%", CpuShareError::Malformed),
            (".5%", CpuShareError::Malformed),
            ("1.%", CpuShareError::Malformed),
            ("0.0005%", CpuShareError::Malformed),
            ("-1%", CpuShareError::Malformed),
            ("1e0%", CpuShareError::Malformed),
            ("0%", CpuShareError::Range),
            ("100.001%", CpuShareError::Range),
            ("99999999999%", CpuShareError::Range),
        ] {
            assert_eq!(text.parse::<CpuShare>(), Err(error), "{text}");
        }
    }
}
