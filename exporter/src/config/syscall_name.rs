//! Names of system calls in the config.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    name_set::Named,
    problem::nearest,
    text::{Written, parsed},
};
use crate::kernel::syscalls::Syscall;

/// A system call that this architecture has, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyscallName(pub Syscall);

impl FromStr for SyscallName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Syscall::named(name).map(Self).ok_or_else(|| {
            let hint = nearest(name, Syscall::all().map(|call| call.name));
            let hint = hint.map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"));
            format!("there is none of this name on {}{hint}", std::env::consts::ARCH)
        })
    }
}

impl Written for SyscallName {
    const EXPECTED: &'static str = "the name of a system call";
}

impl Named for SyscallName {
    const EXAMPLE: &'static str = "read, write";
}

impl fmt::Display for SyscallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for SyscallName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

impl Serialize for SyscallName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

/// Which names there are depends on the architecture, so a schema knows only their form.
impl JsonSchema for SyscallName {
    fn schema_name() -> Cow<'static, str> {
        Self::EXPECTED.into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z_][a-z0-9_]*$" })
    }
}
