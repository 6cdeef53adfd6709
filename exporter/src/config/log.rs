//! Which messages are written, and how.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{problem::nearest, text::Written, with::Pattern};

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

const LEVELS: [(&str, LevelFilter); 6] = [
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
    ("off", LevelFilter::OFF),
];

/// A level, or a list of `LEVEL` and `TARGET=LEVEL`.
///
/// It is stricter than tracing's own filters, which take a misspelt level for the name of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFilter {
    text: String,
    targets: Targets,
}

impl LogFilter {
    /// The filter in the form in which tracing applies it.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self { text: "info".to_owned(), targets: Targets::new().with_default(LevelFilter::INFO) }
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFilterError {
    /// What should be a level is none.
    #[error("{0:?} is no level (use error, warn, info, debug, trace or off)")]
    UnknownLevel(String),
    /// As above, and it looks like a known one.
    #[error("{0:?} is no level; did you mean {1:?}?")]
    MisspeltLevel(String, &'static str),
    /// A target that no message can have.
    #[error("{0:?} is no target; targets are module paths such as kernel_exporter::config")]
    BadTarget(String),
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let targets = text.split(',').try_fold(Targets::new(), |targets, directive| {
            Ok(match directive.split_once('=') {
                None => targets.with_default(level(directive.trim())?),
                Some((target, name)) => targets.with_target(module_path(target.trim())?, level(name.trim())?),
            })
        })?;
        Ok(Self { text: text.to_owned(), targets })
    }
}

fn level(name: &str) -> Result<LevelFilter, LogFilterError> {
    if let Some((_, level)) = LEVELS.into_iter().find(|(known, _)| *known == name) {
        return Ok(level);
    }
    Err(match nearest(name, LEVELS.into_iter().map(|(known, _)| known)) {
        Some(known) => LogFilterError::MisspeltLevel(name.to_owned(), known),
        None => LogFilterError::UnknownLevel(name.to_owned()),
    })
}

fn module_path(target: &str) -> Result<&str, LogFilterError> {
    let is_name =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if target.split("::").all(is_name) {
        Ok(target)
    } else {
        Err(LogFilterError::BadTarget(target.to_owned()))
    }
}

impl Written for LogFilter {
    const EXPECTED: &'static str = "a level, or a filter such as info,kernel_exporter::config=debug";
}

impl Pattern for LogFilter {
    const PATTERN: &'static str = r"^\s*([A-Za-z0-9_]+(::[A-Za-z0-9_]+)*\s*=\s*)?(error|warn|info|debug|trace|off)\s*(,\s*([A-Za-z0-9_]+(::[A-Za-z0-9_]+)*\s*=\s*)?(error|warn|info|debug|trace|off)\s*)*$";
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn filters_by_target() {
        let filter: LogFilter = "warn, kernel_exporter::config=debug".parse().expect("it is a filter");
        assert!(filter.targets().would_enable("kernel_exporter::config", &Level::DEBUG));
        assert!(!filter.targets().would_enable("kernel_exporter", &Level::INFO));
        assert!(filter.targets().would_enable("hyper", &Level::WARN));
        let default = LogFilter::default();
        assert_eq!(default.to_string().parse(), Ok(default));
    }

    #[test]
    fn a_misspelt_level_is_no_target() {
        let parse = |text: &str| text.parse::<LogFilter>();
        assert_eq!(parse("inof"), Err(LogFilterError::MisspeltLevel("inof".to_owned(), "info")));
        assert_eq!(parse("3"), Err(LogFilterError::UnknownLevel("3".to_owned())));
        assert_eq!(parse(""), Err(LogFilterError::UnknownLevel(String::new())));
        assert_eq!(parse("info,"), Err(LogFilterError::UnknownLevel(String::new())));
        assert_eq!(parse("a:b=info"), Err(LogFilterError::BadTarget("a:b".to_owned())));
    }
}
