//! Every key of the config file, with its default and its range. `config.yaml` documents the same keys for
//! people; a test keeps the two equal.

use std::{ops::RangeInclusive, time::Duration};

use exporter_common::histogram::{Bytes, Nanoseconds, SCALE, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    budget::Budget,
    collectors::Collectors,
    kubernetes::Kubernetes,
    listen::ListenAddress,
    live::Live,
    log::{LogFilter, LogFormat},
    otlp::Otlp,
    privileges::Privileges,
    range::ordered,
    with::{Milliseconds, Text, WholeNumber},
};

/// The whole config file.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to serve metrics.
    #[serde(with = "Text::<ListenAddress>")]
    pub listen: ListenAddress,
    /// The file with TLS, users and headers; empty for none.
    pub web_config_file: String,
    /// The longest time between two reads of the kernel's maps; every scrape reads them as well.
    #[serde(with = "Milliseconds::<1_000, 300_000>")]
    pub read_interval: Duration,
    /// What is measured.
    pub collectors: Collectors,
    /// What is known about pods, and from whom.
    pub kubernetes: Kubernetes,
    /// How histograms are exported.
    pub histograms: Histograms,
    /// Where metrics are pushed, besides being scraped.
    pub otlp: Otlp,
    /// The page for people.
    pub live: Live,
    /// What keeps memory and the number of series bounded.
    pub limits: Limits,
    /// What the exporter may cost.
    pub budget: Budget,
    /// What the exporter may do.
    pub privileges: Privileges,
    /// When this file is read again.
    pub reload: Reload,
    /// What outlives the exporter.
    pub restart: Restart,
    /// What the exporter says about itself.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: ListenAddress::default(),
            web_config_file: String::new(),
            read_interval: Duration::from_secs(10),
            collectors: Collectors::default(),
            kubernetes: Kubernetes::default(),
            histograms: Histograms::default(),
            otlp: Otlp::default(),
            live: Live::default(),
            limits: Limits::default(),
            budget: Budget::default(),
            privileges: Privileges::default(),
            reload: Reload::default(),
            restart: Restart::default(),
            log: Log::default(),
        }
    }
}

/// How histograms are exported.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Histograms {
    /// Buckets per power of two in native and exponential histograms, as a power of two.
    #[serde(with = "WholeNumber::<0, { SCALE as i64 }>")]
    pub scale: u32,
    /// Also export classic buckets.
    pub classic: bool,
    /// Where classic histograms of durations have buckets.
    #[serde(deserialize_with = "ordered")]
    pub duration_bounds: DurationBounds,
    /// Where classic histograms of sizes have buckets.
    #[serde(deserialize_with = "ordered")]
    pub size_bounds: SizeBounds,
}

impl Default for Histograms {
    fn default() -> Self {
        Self {
            scale: SCALE,
            classic: true,
            duration_bounds: DurationBounds::default(),
            size_bounds: SizeBounds::default(),
        }
    }
}

const SHORTEST: i64 = Nanoseconds::ZERO_EXPONENT as i64;
const LONGEST: i64 = Nanoseconds::LAST_EXPONENT as i64;
const SMALLEST: i64 = Bytes::ZERO_EXPONENT as i64;
const LARGEST: i64 = Bytes::LAST_EXPONENT as i64;

/// The first and the last finite bound of classic histograms of durations, in powers of two of a second.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DurationBounds {
    /// The first bound is two to this power, in seconds.
    #[serde(with = "WholeNumber::<SHORTEST, LONGEST>")]
    pub min_exponent: i32,
    /// The last bound is two to this power, in seconds; never below the first.
    #[serde(with = "WholeNumber::<SHORTEST, LONGEST>")]
    pub max_exponent: i32,
}

impl Default for DurationBounds {
    fn default() -> Self {
        Self { min_exponent: -20, max_exponent: 6 }
    }
}

impl From<&DurationBounds> for RangeInclusive<i32> {
    fn from(bounds: &DurationBounds) -> Self {
        bounds.min_exponent..=bounds.max_exponent
    }
}

/// The first and the last finite bound of classic histograms of sizes, in powers of two of a byte.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SizeBounds {
    /// The first bound is two to this power, in bytes.
    #[serde(with = "WholeNumber::<SMALLEST, LARGEST>")]
    pub min_exponent: i32,
    /// The last bound is two to this power, in bytes; never below the first.
    #[serde(with = "WholeNumber::<SMALLEST, LARGEST>")]
    pub max_exponent: i32,
}

impl Default for SizeBounds {
    fn default() -> Self {
        Self { min_exponent: 9, max_exponent: 26 }
    }
}

impl From<&SizeBounds> for RangeInclusive<i32> {
    fn from(bounds: &SizeBounds) -> Self {
        bounds.min_exponent..=bounds.max_exponent
    }
}

/// What keeps memory and the number of series bounded.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Places in the kernel per hook family, the overflow place included.
    #[serde(with = "WholeNumber::<16, 65_535>")]
    pub slots: u32,
    /// Places in the kernel for processes: the living ones, and those that died since the last reads.
    #[serde(with = "WholeNumber::<64, 1_048_576>")]
    pub processes: u32,
    /// Label sets that one metric may have.
    #[serde(with = "WholeNumber::<1, 1_000_000>")]
    pub label_sets_per_metric: u32,
    /// Label sets that all metrics may have together.
    #[serde(with = "WholeNumber::<1, 10_000_000>")]
    pub label_sets: u32,
    /// How long series of what is gone stay at most.
    #[serde(with = "Milliseconds::<10_000, 3_600_000>")]
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slots: 1024,
            processes: 8192,
            label_sets_per_metric: 1000,
            label_sets: 10_000,
            linger: Duration::from_secs(300),
        }
    }
}

/// What outlives the exporter.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Restart {
    /// Where counters are kept from the end to the next start; empty: they begin anew.
    pub state_file: String,
}

/// When the file is read again, besides on SIGHUP.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reload {
    /// When it has changed.
    pub watch: bool,
    /// On POST /-/reload.
    pub http: bool,
}

impl Default for Reload {
    fn default() -> Self {
        Self { watch: true, http: false }
    }
}

/// What the exporter says about itself, on standard error.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Which messages are written.
    #[serde(with = "Text::<LogFilter>")]
    pub level: LogFilter,
    /// How they are written.
    pub format: LogFormat,
}
