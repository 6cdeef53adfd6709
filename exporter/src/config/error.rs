//! Why a config can't be used.

use std::{fmt, io};

/// Why a config can't be used. The text names the file and is complete: there is no source to print with it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file's name.
        file: String,
        /// What the system says.
        reason: io::Error,
    },
    /// The file's content is not a valid config.
    #[error("{file}{}: {message}", ColonBefore(position))]
    Invalid {
        /// The file's name.
        file: String,
        /// Where, if that is known.
        position: Option<Position>,
        /// The key's path, what was found and what is allowed.
        message: String,
    },
}

/// A place in a text, both numbers from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// Where the YAML library saw an error.
    pub(super) fn of(error: &serde_yaml::Error) -> Option<Self> {
        error.location().map(|location| Self { line: location.line(), column: location.column() })
    }

    /// The place behind `before`.
    pub(super) fn behind(before: &str) -> Self {
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        Self { line: before.matches('\n').count() + 1, column: last_line.chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

struct ColonBefore<'a>(&'a Option<Position>);

impl fmt::Display for ColonBefore<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|position| write!(f, ":{position}"))
    }
}
