//! What is wrong with a value, and at which key.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

/// One step from the root of the file to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A key of a mapping.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The path ends with a key that does not exist; the others do.
    UnknownKey(&'static [&'static str]),
    /// The path ends with a key that stands there twice.
    DuplicateKey,
    /// The value at the path, as a sentence.
    Value(String),
}

/// An error with its path. The path grows from the inside out while the error travels up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    innermost_first: Vec<Step>,
}

impl Problem {
    /// The value is not what is expected.
    pub(super) fn unexpected(found: Unexpected<'_>, expected: impl Display) -> Self {
        Self::value(format!("found {}, expected {expected}", show(found)))
    }

    /// The text is none of those that are allowed.
    pub(super) fn not_one_of(found: Unexpected<'_>, allowed: &'static [&'static str]) -> Self {
        let suggestion = match found {
            Unexpected::Str(text) => did_you_mean(text, allowed),
            _ => String::new(),
        };
        Self::unexpected(found, format_args!("one of: {}{suggestion}", allowed.join(", ")))
    }

    fn value(message: String) -> Self {
        Self { kind: Kind::Value(message), innermost_first: Vec::new() }
    }

    /// This problem, seen from one step further out.
    pub(super) fn inside(mut self, step: Step) -> Self {
        self.innermost_first.push(step);
        self
    }

    /// The way from the root to where it is wrong.
    pub(super) fn path(&self) -> Vec<Step> {
        self.innermost_first.iter().rev().cloned().collect()
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.innermost_first.iter().rev().enumerate() {
            match step {
                Step::Key(name) if number == 0 => write!(f, "{}", key(name))?,
                Step::Key(name) => write!(f, ".{}", key(name))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        if !self.innermost_first.is_empty() {
            f.write_str(": ")?;
        }
        match (&self.kind, self.innermost_first.first()) {
            (Kind::UnknownKey(allowed), Some(Step::Key(name))) => {
                write!(
                    f,
                    "unknown key, expected one of: {}{}",
                    allowed.join(", "),
                    did_you_mean(name, allowed)
                )
            }
            (Kind::UnknownKey(_), _) => f.write_str("unknown key"),
            (Kind::DuplicateKey, _) => f.write_str("the key is already given above"),
            (Kind::Value(message), _) => f.write_str(message),
        }
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: Display>(message: T) -> Self {
        Self::value(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unexpected(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unexpected(found, expected)
    }

    fn unknown_variant(found: &str, allowed: &'static [&'static str]) -> Self {
        Self::not_one_of(Unexpected::Str(found), allowed)
    }

    fn unknown_field(name: &str, allowed: &'static [&'static str]) -> Self {
        Self { kind: Kind::UnknownKey(allowed), innermost_first: vec![Step::Key(name.to_owned())] }
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self { kind: Kind::DuplicateKey, innermost_first: vec![Step::Key(name.to_owned())] }
    }
}

/// The candidate that was probably meant, if any looks like `word`.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Finds swapped, missing and doubled letters and singular for plural, and leaves unrelated words alone.
    const SIMILAR: f64 = 0.8;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

fn did_you_mean(word: &str, allowed: &[&'static str]) -> String {
    nearest(word, allowed.iter().copied())
        .map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"))
}

fn key(name: &str) -> String {
    let plain =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if plain { name.to_owned() } else { quoted(name) }
}

fn show(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => format!("{value:?}"),
        Unexpected::Str(text) => quoted(text),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// A text on one line, cut where it stops being helpful.
fn quoted(text: &str) -> String {
    const ENOUGH: usize = 60;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_looks_alike_and_nothing_else() {
        let keys = ["listen", "read_interval", "collectors", "histograms", "limits", "log"];
        for (word, near) in [
            ("lisen", Some("listen")),
            ("limit", Some("limits")),
            ("collector", Some("collectors")),
            ("histogram", Some("histograms")),
            ("readinterval", Some("read_interval")),
            ("logging", Some("log")),
            ("remote_write", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), near, "{word}");
        }
    }

    #[test]
    fn long_and_odd_text_stays_on_one_short_line() {
        let problem = Problem::unexpected(Unexpected::Str(&"ä\n".repeat(1000)), "less");
        let message = problem.to_string();
        assert!(message.len() < 250 && !message.contains('\n'), "{message}");
        assert!(message.ends_with("\"..., expected less"), "{message}");
    }
}
