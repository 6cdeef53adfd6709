//! Which labels a collector's series keep.

use std::{collections::BTreeSet, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Serialize,
    de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor},
};

use crate::catalogue::{Key, keys};

/// How series say whose cgroup it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Namespace, pod, container and workload; or the systemd unit; or, for what is neither, the path.
    #[default]
    Container,
    /// Namespace and workload; else as `container`.
    Workload,
    /// The cgroup's path.
    Cgroup,
    /// Not at all: there is one series for the whole machine.
    None,
}

impl By {
    /// As the config writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Workload => "workload",
            Self::Cgroup => "cgroup",
            Self::None => "none",
        }
    }
}

/// How series of processes say which process it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessesBy {
    /// The main thread's command name, which a process can change.
    #[default]
    Command,
    /// The name of the file that was executed.
    Executable,
    /// The process id: one series per process and metric.
    Pid,
    /// Not at all.
    None,
}

impl ProcessesBy {
    /// As the config writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Executable => "executable",
            Self::Pid => "pid",
            Self::None => "none",
        }
    }
}

/// Labels of the `block_io` collector that say what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockIoLabel {
    /// The disk.
    Device,
    /// What was asked of the disk.
    Operation,
}

impl BlockIoLabel {
    /// All of them, which is the default.
    pub const ALL: [Self; 2] = [Self::Device, Self::Operation];

    /// The label's names; its Prometheus name is the one that stands in the config.
    pub fn key(self) -> &'static Key {
        match self {
            Self::Device => &keys::DEVICE,
            Self::Operation => &keys::OPERATION,
        }
    }
}

/// Reads a list of labels without duplicates; it may be empty.
pub(super) fn label_set<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeSet<BlockIoLabel>, D::Error> {
    deserializer.deserialize_seq(LabelSet)
}

struct LabelSet;

impl<'de> Visitor<'de> for LabelSet {
    type Value = BTreeSet<BlockIoLabel>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of labels, such as [{}]", BlockIoLabel::ALL[0].key().prometheus)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut labels = BTreeSet::new();
        while list.next_element_seed(NextLabel(&mut labels))?.is_some() {}
        Ok(labels)
    }
}

/// Reads one label into the set. It checks for duplicates while it is at the element, so that the error has
/// the element's path.
struct NextLabel<'a>(&'a mut BTreeSet<BlockIoLabel>);

impl<'de> DeserializeSeed<'de> for NextLabel<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let label = BlockIoLabel::deserialize(deserializer)?;
        if self.0.insert(label) {
            Ok(())
        } else {
            Err(D::Error::custom(format_args!("{:?} is already in the list", label.key().prometheus)))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{
        IntoDeserializer,
        value::{Error, StrDeserializer},
    };

    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(name: &str) -> Option<T> {
        let deserializer: StrDeserializer<'_, Error> = name.into_deserializer();
        T::deserialize(deserializer).ok()
    }

    #[test]
    fn names_are_written_as_they_are_read() {
        for label in BlockIoLabel::ALL {
            assert_eq!(read(label.key().prometheus), Some(label), "as Prometheus shows it");
        }
        for by in [By::Container, By::Workload, By::Cgroup, By::None] {
            assert_eq!(read(by.name()), Some(by));
        }
        use ProcessesBy::{Command, Executable, None, Pid};
        for by in [Command, Executable, Pid, None] {
            assert_eq!(read(by.name()), Some(by));
        }
    }
}
