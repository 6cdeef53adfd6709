//! From a file to a [`Config`].

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::de::{DeserializeOwned, Error as _};

use super::{
    Config, Error, Position,
    locate::locate,
    problem::{Problem, Step},
    tree::Node,
};

/// Where the config is looked for when no file is named.
pub const DEFAULT_PATH: &str = "/etc/kernel-exporter/config.yaml";

/// More than any config needs. It keeps a wrong file name (a disk, a log) from filling the memory, and bounds
/// what the YAML library does in quadratic time (nested lists).
const MOST_BYTES: u64 = 64 * 1024;

/// Where a config comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This file.
    File(PathBuf),
    /// No file: there is none at [`DEFAULT_PATH`].
    Defaults,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Defaults => f.write_str("built-in defaults"),
        }
    }
}

/// Reads the named file, or else [`DEFAULT_PATH`] if it exists, or else takes the defaults.
///
/// # Errors
///
/// When the file can't be read, a named file does not exist, or the content is not a valid config.
pub fn load(named: Option<&Path>) -> Result<(Source, Config), Error> {
    load_or(named, Path::new(DEFAULT_PATH))
}

fn load_or(named: Option<&Path>, default: &Path) -> Result<(Source, Config), Error> {
    let path = named.unwrap_or(default);
    let file = path.display().to_string();
    match read(path) {
        Ok(bytes) => Ok((Source::File(path.to_owned()), Config::from_yaml(&file, &bytes)?)),
        Err(reason) if named.is_none() && reason.kind() == io::ErrorKind::NotFound => {
            Ok((Source::Defaults, Config::default()))
        }
        Err(reason) => Err(Error::Unreadable { file, reason }),
    }
}

/// Reads one byte more than is allowed at most, which is enough to see that it is too much.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a `T` from the content of a file, whose name is used in errors.
pub(crate) fn from_yaml<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, Error> {
    let invalid = |position, message| Error::Invalid { file: file.to_owned(), position, message };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(invalid(None, format!("larger than {} KiB, which no config is", MOST_BYTES / 1024)));
    }
    let text = characters(bytes).map_err(|(position, message)| invalid(Some(position), message))?;
    let tree =
        Node::parse(text).map_err(|error| invalid(Position::of(&error), yaml_message(text, &error)))?;
    T::deserialize(tree).map_err(|problem| invalid(locate(text, &problem), problem.to_string()))
}

/// The error for something that is wrong with the value at `path` in a file that was read
/// [before](from_yaml), such as a file that it names and that is not there.
pub(crate) fn invalid_at(file: &str, bytes: &[u8], path: &[&str], reason: impl fmt::Display) -> Error {
    let keys = path.iter().rev().map(|key| Step::Key((*key).to_owned()));
    let problem = keys.fold(Problem::custom(reason), Problem::inside);
    let position = characters(bytes).ok().and_then(|text| locate(text, &problem));
    Error::Invalid { file: file.to_owned(), position, message: problem.to_string() }
}

impl Config {
    /// Reads a config from the content of a file, whose name is used in errors.
    ///
    /// # Errors
    ///
    /// When anything in it is not as documented.
    pub fn from_yaml(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        from_yaml(file, bytes)
    }
}

/// The text of a file, or where it stops being one. The YAML library would not tell the position.
fn characters(bytes: &[u8]) -> Result<&str, (Position, String)> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        let valid = str::from_utf8(valid).unwrap_or_default();
        (
            Position::behind(valid),
            format!("not UTF-8: byte 0x{:02x}", rest.first().copied().unwrap_or_default()),
        )
    })?;
    // Some editors begin a file with it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.find(|c| !is_yaml(c)) {
        None => Ok(text),
        Some(at) => {
            let found = text[at..].chars().next().unwrap_or_default();
            Err((
                Position::behind(&text[..at]),
                format!("character U+{:04X} is not allowed in YAML", found as u32),
            ))
        }
    }
}

/// The printable characters of YAML 1.2, section 5.1.
fn is_yaml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        && c != '\u{feff}'
}

/// What the YAML library says, without the position, which the error has already, and with a hint where the
/// cause is known but hard to guess.
fn yaml_message(text: &str, error: &serde_yaml::Error) -> String {
    let message = error.to_string();
    let Some(Position { line, column }) = Position::of(error) else {
        return format!("YAML: {message}");
    };
    // The library names keys as they are, and a key may have a tab in it.
    let message =
        message.replace(&format!(" at line {line} column {column}"), "").replace(char::is_control, " ");
    let culprit = text.lines().nth(line - 1).unwrap_or_default();
    let hint = if culprit.chars().nth(column - 1) == Some('\t') {
        " (indent with spaces, not with tabs)"
    } else if culprit.contains(": [:") {
        " (write an IPv6 address in quotes)"
    } else {
        ""
    };
    format!("YAML: {message}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

    #[test]
    fn without_a_file_the_defaults_hold() {
        let loaded = load_or(None, &Path::new(FOLDER).join("missing.yaml")).expect("there are defaults");
        assert_eq!(loaded, (Source::Defaults, Config::default()));
    }

    #[test]
    fn the_default_file_is_read_if_it_exists() {
        let path = Path::new(FOLDER).join("../config.yaml");
        let loaded = load_or(None, &path).expect("it is valid");
        assert_eq!(loaded, (Source::File(path), Config::default()));
        let error = load_or(None, Path::new(FOLDER)).expect_err("a folder is no config");
        assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    }

    /// Found by fuzzing: the YAML library's messages name keys, whatever is in them.
    #[test]
    fn a_tab_in_a_key_is_not_shown_as_it_is() {
        let error = Config::from_yaml("config.yaml", b"1\tb: [!a b]").expect_err("a tag");
        let message = error.to_string();
        assert!(message.contains("1 b[0]: tags") && !message.contains(char::is_control), "{message:?}");
    }

    #[test]
    fn a_named_file_must_exist_whatever_the_default() {
        let error = load_or(Some(Path::new("missing.yaml")), &Path::new(FOLDER).join("../config.yaml"));
        let message = error.expect_err("it is missing").to_string();
        assert_eq!(message, "missing.yaml: cannot be read: No such file or directory (os error 2)");
    }
}
