//! What an exporter has said of our cgroups in all scrapes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    forms::{Identity, MARK},
    harness::*,
};

/// Labels that say what was done, not by whom.
const NOT_WHO: [&str; 10] = [
    "type",
    "state",
    "le",
    "command",
    "process_context_switch_type",
    "disk_io_direction",
    "device",
    "operation",
    "error",
    "pid",
];

/// The last value of every counter that names one of ours. A series that has ended keeps it, and none may go
/// back.
#[derive(Default)]
pub(crate) struct Seen {
    series: BTreeMap<String, BTreeMap<BTreeMap<String, String>, f64>>,
    /// Only these metrics, if there are any in it: crowds have more series than fit into memory.
    only: &'static [&'static str],
}

impl Seen {
    /// Keeps only these metrics.
    pub(crate) fn only(only: &'static [&'static str]) -> Self {
        Self { series: BTreeMap::new(), only }
    }

    pub(crate) fn take(&mut self, scrape: &Scrape) {
        for ((name, labels), value) in &scrape.samples {
            if is_ours(labels) && scrape.is_counter(name) && self.wants(name) {
                let series = self.series.entry(name.clone()).or_default();
                let before = series.insert(labels.clone(), *value).unwrap_or(0.0);
                assert!(before <= *value, "{name}{labels:?} went back from {before} to {value}");
            }
        }
    }

    /// All growth of a metric's series with these labels, by who did it.
    pub(crate) fn by_identity(&self, name: &str, labels: &[(&str, &str)]) -> BTreeMap<Identity, f64> {
        let mut sums = BTreeMap::new();
        for (has, value) in self.series.get(name).into_iter().flatten() {
            if labels.iter().all(|(name, value)| has.get(*name).is_some_and(|found| found == value)) {
                *sums.entry(who(has)).or_default() += value;
            }
        }
        sums
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.contains(&name)
    }

    /// All growth of a metric's series with these labels, whoever did it.
    pub(crate) fn total(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.by_identity(name, labels).values().sum()
    }

    /// Everybody whose name was ever shown.
    pub(crate) fn identities(&self) -> BTreeSet<Identity> {
        self.series.values().flat_map(BTreeMap::keys).map(who).collect()
    }
}

/// The labels that say who did it.
pub(crate) fn who(labels: &BTreeMap<String, String>) -> Identity {
    let is_who = |(name, _): &(&String, &String)| !NOT_WHO.contains(&name.as_str());
    labels.iter().filter(is_who).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether they name a cgroup that a test has made.
pub(crate) fn is_ours(labels: &BTreeMap<String, String>) -> bool {
    labels.values().any(|value| value.contains(MARK))
}
