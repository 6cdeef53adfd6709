//! How much a collector measures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a collector measures. What it does not measure has no series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// How often things happened and how long they took.
    #[default]
    Histograms,
    /// How often only; of block requests also how large they were and how they failed.
    Counters,
}

impl Detail {
    /// As the config writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Histograms => "histograms",
            Self::Counters => "counters",
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

    #[test]
    fn names_are_written_as_they_are_read() {
        for detail in [Detail::Histograms, Detail::Counters] {
            let deserializer: StrDeserializer<'_, Error> = detail.name().into_deserializer();
            assert_eq!(Detail::deserialize(deserializer), Ok(detail));
        }
    }
}
