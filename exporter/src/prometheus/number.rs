//! Numbers: from the measured to the exported unit, and as text.

use std::fmt::Write as _;

use crate::catalogue::Unit;

/// A sample's value. Whole numbers are kept whole as long as the format allows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// Of things that are counted.
    Whole(u64),
    /// Anything else.
    Real(f64),
}

impl Number {
    /// A counter's value.
    pub(super) fn counted(measured: u64, unit: Unit) -> Self {
        if unit.per_exported() == 1 {
            Self::Whole(measured)
        } else {
            Self::Real(exported(u128::from(measured), unit))
        }
    }

    /// A gauge's value.
    pub(super) fn level(measured: i64, unit: Unit) -> Self {
        match u64::try_from(measured) {
            Ok(measured) => Self::counted(measured, unit),
            Err(_) => Self::Real(-exported(u128::from(measured.unsigned_abs()), unit)),
        }
    }

    /// The value where only a float will do.
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }

    /// Appends the value as text.
    pub(super) fn push_to(self, text: &mut String) {
        match self {
            Self::Whole(value) => push_whole(text, value),
            Self::Real(value) => push_float(text, value),
        }
    }
}

/// A measured value in the exported unit. It never gets less when `measured` gets more.
pub(super) fn exported(measured: u128, unit: Unit) -> f64 {
    unit.exported(measured)
}

/// Appends a whole number.
pub(super) fn push_whole(text: &mut String, value: u64) {
    write!(text, "{value}").expect("a string takes every text");
}

/// Appends a float as Prometheus itself writes the label `le`: the shortest digits that give the same
/// number again, never without a decimal point or an exponent, so that no two spellings of one bound meet.
pub(super) fn push_float(text: &mut String, value: f64) {
    let start = text.len();
    let magnitude = value.abs();
    let written = if value.is_nan() {
        text.write_str("NaN")
    } else if value.is_infinite() {
        text.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if magnitude == 0.0 || (1e-4..1e6).contains(&magnitude) {
        // Go changes to exponents beyond this range, and so do we.
        write!(text, "{value}").map(|()| {
            if !text[start..].contains('.') {
                text.push_str(".0")
            }
        })
    } else {
        write!(text, "{value:e}").map(|()| pad_exponent(text, start))
    };
    written.expect("a string takes every text");
}

/// Gives the exponent of the float that begins at `start` a sign and at least two digits, as C and Go do.
fn pad_exponent(text: &mut String, start: usize) {
    let Some(e) = text[start..].find('e') else { return };
    let digits = start + e + 1;
    if !text[digits..].starts_with('-') {
        text.insert(digits, '+');
    }
    if text.len() - digits < 3 {
        text.insert(digits + 1, '0');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn float(value: f64) -> String {
        let mut text = String::from("x e-1 ");
        push_float(&mut text, value);
        text.split_off(6)
    }

    /// What Go's `strconv.FormatFloat(f, 'g', -1, 64)` gives, with `.0` where there is neither point nor
    /// exponent: Prometheus' `formatOpenMetricsFloat`.
    #[test]
    fn floats_are_written_as_prometheus_writes_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (-1.0, "-1.0"),
            (0.5, "0.5"),
            (64.0, "64.0"),
            (0.1, "0.1"),
            (f64::exp2(-20.0), "9.5367431640625e-07"),
            (f64::exp2(-14.0), "6.103515625e-05"),
            (f64::exp2(-13.0), "0.0001220703125"),
            (1e-4, "0.0001"),
            (9.999e-5, "9.999e-05"),
            (524_288.0, "524288.0"),
            (1e6, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (67_108_864.0, "6.7108864e+07"),
            (f64::exp2(40.0), "1.099511627776e+12"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    proptest! {
        #[test]
        fn floats_survive(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = float(value);
            prop_assert_eq!(text.parse::<f64>().expect("a float"), value);
            prop_assert!(text.contains('.') || text.contains('e'), "{}", text);
        }

        #[test]
        fn more_is_never_less(measured in any::<u64>(), more in any::<u64>()) {
            let less = exported(u128::from(measured), Unit::Seconds);
            prop_assert!(less <= exported(u128::from(measured) + u128::from(more), Unit::Seconds));
        }
    }

    #[test]
    fn units_are_converted_and_signs_kept() {
        assert_eq!(Number::counted(1_500_000_000, Unit::Seconds), Number::Real(1.5));
        assert_eq!(Number::counted(u64::MAX, Unit::Bytes), Number::Whole(u64::MAX));
        assert_eq!(Number::level(-7, Unit::Bytes), Number::Real(-7.0));
        assert_eq!(Number::level(i64::MIN, Unit::Seconds), Number::Real(-9_223_372_036.854_776));
    }
}
