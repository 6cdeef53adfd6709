//! Sizes of memory.

use std::{fmt, str::FromStr};

use super::{text::Written, with::Pattern};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// From 1 MiB to 64 MiB, such as `8MiB` or `1536KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySize(u64);

impl MemorySize {
    /// In bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl Default for MemorySize {
    /// Eight MiB.
    fn default() -> Self {
        Self(8 * MIB)
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(MIB) {
            write!(f, "{}MiB", self.0 / MIB)
        } else {
            write!(f, "{}KiB", self.0 / KIB)
        }
    }
}

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemorySizeError {
    /// No whole number with a unit.
    #[error("write a whole number with KiB or MiB behind it")]
    Malformed,
    /// Out of range.
    #[error("it must be from 1MiB to 64MiB")]
    Range,
}

impl FromStr for MemorySize {
    type Err = MemorySizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let with = |unit: &str, bytes| Some((text.strip_suffix(unit)?, bytes));
        let (number, unit) =
            with("MiB", MIB).or_else(|| with("KiB", KIB)).ok_or(MemorySizeError::Malformed)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(MemorySizeError::Malformed);
        }
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        bytes.filter(|bytes| (MIB..=64 * MIB).contains(bytes)).map(Self).ok_or(MemorySizeError::Range)
    }
}

impl Written for MemorySize {
    const EXPECTED: &'static str = "a size of memory from 1MiB to 64MiB, such as 8MiB";
}

impl Pattern for MemorySize {
    const PATTERN: &'static str = "^[0-9]+(KiB|MiB)$";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, shown) in [
            ("1MiB", MIB, "1MiB"),
            ("64MiB", 64 * MIB, "64MiB"),
            ("1536KiB", 1536 * KIB, "1536KiB"),
            ("08192KiB", 8 * MIB, "8MiB"),
        ] {
            let size: MemorySize = text.parse().expect(text);
            assert_eq!((size.bytes(), &*size.to_string()), (bytes, shown));
        }
    }

    #[test]
    fn other_texts_are_not() {
        for (text, error) in [
            ("8", MemorySizeError::Malformed),
            ("MiB", MemorySizeError::Malformed),
            ("8 MiB", MemorySizeError::Malformed),
            ("8MB", MemorySizeError::Malformed),
            ("1.5MiB", MemorySizeError::Malformed),
            ("-8MiB", MemorySizeError::Malformed),
            ("0MiB", MemorySizeError::Range),
            ("1023KiB", MemorySizeError::Range),
            ("65MiB", MemorySizeError::Range),
            ("99999999999999999999MiB", MemorySizeError::Range),
            ("18014398509481984KiB", MemorySizeError::Range),
        ] {
            assert_eq!(text.parse::<MemorySize>(), Err(error), "{text}");
        }
    }
}
