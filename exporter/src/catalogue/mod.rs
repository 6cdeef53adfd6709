//! The catalogue: every metric is declared once, next to its collector, and everything else follows.
//!
//! Names are OpenTelemetry's; Prometheus' follow from them by the official translation (dots become
//! underscores, the unit becomes a suffix, monotonic sums end in `_total`), so that a metric has the same
//! name whether it was scraped or pushed. `docs/metrics.md` is generated from here.

mod key;
mod markdown;

pub use key::{Fold, Key, OTHER_CGROUPS, keys};
pub use markdown::markdown;

use std::fmt;

/// What a metric is, in OpenTelemetry's terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A monotonic cumulative sum; a Prometheus counter.
    Counter,
    /// A value that goes up and down; a Prometheus gauge.
    Gauge,
    /// A base-2 exponential histogram of durations, measured in nanoseconds.
    Durations,
    /// A base-2 exponential histogram of sizes in bytes.
    Sizes,
}

/// In what the kernel measures, and in what it is exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Measured in nanoseconds, exported in seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Things that are counted; UCUM writes them in braces.
    Things(&'static str),
}

impl Unit {
    /// The unit as UCUM writes it.
    pub fn ucum(self) -> String {
        match self {
            Self::Seconds => "s".to_owned(),
            Self::Bytes => "By".to_owned(),
            Self::Things(name) => format!("{{{name}}}"),
        }
    }

    /// How many measured units make one exported unit.
    pub const fn per_exported(self) -> u64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Bytes | Self::Things(_) => 1,
        }
    }

    /// A measured value in the exported unit. It never gets less when `measured` gets more.
    pub fn exported(self, measured: u128) -> f64 {
        measured as f64 / self.per_exported() as f64
    }

    /// The suffix of Prometheus names.
    const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Seconds => Some("seconds"),
            Self::Bytes => Some("bytes"),
            Self::Things(_) => None,
        }
    }
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// OpenTelemetry name, with dots.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// In what it is measured and exported.
    pub unit: Unit,
    /// One sentence for people, without a final full stop.
    pub help: &'static str,
    /// Labels that say who did it; the config decides how much of them is kept.
    pub identity: &'static [&'static Key],
    /// Labels that say what was done.
    pub attributes: &'static [&'static Key],
    /// Where the kernel measures or defines it.
    pub source: &'static str,
}

impl Metric {
    /// One that counts things, for tests.
    #[cfg(test)]
    pub(crate) const fn of_tests(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            unit: Unit::Things("thing"),
            help: "for tests",
            identity: &[],
            attributes: &[],
            source: "nowhere",
        }
    }

    /// The name in Prometheus, with unit and type suffix.
    pub fn prometheus_name(&self) -> String {
        let mut name = self.name.replace('.', "_");
        if let Some(suffix) = self.unit.suffix() {
            name = format!("{name}_{suffix}");
        }
        if self.kind == Kind::Counter {
            name.push_str("_total");
        }
        name
    }
}

/// Metrics are compared by address: each is declared once.
impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Metric {}

impl std::hash::Hash for Metric {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self).hash(state);
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
