//! Names of types of file systems in the config.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    name_set::Named,
    text::{Written, parsed},
};

/// The name of a type of file systems. Whether a kernel has it can change at any time: types come with modules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilesystemType(String);

impl FilesystemType {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FilesystemType {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        // That of `fuse.sshfs`, for example, is `fuse`: a point begins what only user space knows.
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !name.is_empty() && name.len() < 64 && name.bytes().all(is_known) {
            Ok(Self(name.to_owned()))
        } else {
            Err("letters, digits, dashes and underscores, as in /proc/filesystems")
        }
    }
}

impl Written for FilesystemType {
    const EXPECTED: &'static str = "the name of a type of file systems";
}

impl Named for FilesystemType {
    const EXAMPLE: &'static str = "ext4, xfs";
}

impl fmt::Display for FilesystemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FilesystemType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

impl Serialize for FilesystemType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl JsonSchema for FilesystemType {
    fn schema_name() -> Cow<'static, str> {
        Self::EXPECTED.into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,63}$" })
    }
}
