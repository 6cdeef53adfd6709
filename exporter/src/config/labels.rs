//! Which labels a collector's series keep.

use std::{collections::BTreeSet, fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor},
};

use crate::catalogue::{Key, keys};

/// The labels among which one collector lets choose.
pub trait CollectorLabel: Copy + Ord + fmt::Debug + DeserializeOwned + 'static {
    /// Those that are kept when the config says nothing.
    const DEFAULT: &'static [Self];

    /// The label's names; its Prometheus name is the one that stands in the config.
    fn key(self) -> &'static Key;
}

/// Labels of the `scheduler` collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchedulerLabel {
    /// The task's cgroup.
    Cgroup,
}

impl CollectorLabel for SchedulerLabel {
    const DEFAULT: &'static [Self] = &[Self::Cgroup];

    fn key(self) -> &'static Key {
        match self {
            Self::Cgroup => &keys::CGROUP,
        }
    }
}

/// Labels of the `block_io` collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockIoLabel {
    /// The disk.
    Device,
    /// What was asked of the disk.
    Operation,
    /// The submitting task's cgroup.
    Cgroup,
}

impl CollectorLabel for BlockIoLabel {
    const DEFAULT: &'static [Self] = &[Self::Device, Self::Operation, Self::Cgroup];

    fn key(self) -> &'static Key {
        match self {
            Self::Device => &keys::DEVICE,
            Self::Operation => &keys::OPERATION,
            Self::Cgroup => &keys::CGROUP,
        }
    }
}

/// Labels of the `process` collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessLabel {
    /// The main thread's command name.
    Command,
    /// The process' cgroup.
    Cgroup,
    /// The process id; one series per process and metric, so not by default.
    Pid,
}

impl CollectorLabel for ProcessLabel {
    const DEFAULT: &'static [Self] = &[Self::Command, Self::Cgroup];

    fn key(self) -> &'static Key {
        match self {
            Self::Command => &keys::COMMAND,
            Self::Cgroup => &keys::CGROUP,
            Self::Pid => &keys::PID,
        }
    }
}

/// Reads a list of labels without duplicates; it may be empty.
pub(super) fn label_set<'de, L, D>(deserializer: D) -> Result<BTreeSet<L>, D::Error>
where
    L: CollectorLabel,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(LabelSet(PhantomData))
}

struct LabelSet<L>(PhantomData<L>);

impl<'de, L: CollectorLabel> Visitor<'de> for LabelSet<L> {
    type Value = BTreeSet<L>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of labels, such as [{}]", L::DEFAULT[0].key().prometheus)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut labels = BTreeSet::new();
        while list.next_element_seed(NextLabel(&mut labels))?.is_some() {}
        Ok(labels)
    }
}

/// Reads one label into the set. It checks for duplicates while it is at the element, so that the error has
/// the element's path.
struct NextLabel<'a, L>(&'a mut BTreeSet<L>);

impl<'de, L: CollectorLabel> DeserializeSeed<'de> for NextLabel<'_, L> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let label = L::deserialize(deserializer)?;
        if self.0.insert(label) {
            Ok(())
        } else {
            Err(D::Error::custom(format_args!("{:?} is already in the list", label.key().prometheus)))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{IntoDeserializer, value::Error};

    use super::*;

    fn names_are_the_catalogues<L: CollectorLabel>(labels: &[L]) {
        for &label in labels {
            let name: &str = label.key().prometheus;
            let deserializer: serde::de::value::StrDeserializer<'_, Error> = name.into_deserializer();
            assert_eq!(L::deserialize(deserializer), Ok(label));
        }
    }

    #[test]
    fn labels_are_written_as_prometheus_shows_them() {
        names_are_the_catalogues(&[SchedulerLabel::Cgroup]);
        names_are_the_catalogues(&[BlockIoLabel::Device, BlockIoLabel::Operation, BlockIoLabel::Cgroup]);
        names_are_the_catalogues(&[ProcessLabel::Command, ProcessLabel::Cgroup, ProcessLabel::Pid]);
    }
}
