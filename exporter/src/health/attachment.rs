//! How collectors are attached, and with which privileges, as metrics; `doctor` tells the same in words.

use prometheus::proto::MetricType;

use super::engine::Families;
use crate::{engine::Report, privileges};

pub(super) fn families(report: &Report) -> Families<'_> {
    let choices = || report.collectors.iter().filter_map(|state| Some((state.name, state.choice.as_ref()?)));
    let info = choices().map(|(collector, choice)| {
        (vec![("collector", collector.into()), ("rung", choice.taken().name.into())], 1.0)
    });
    let degraded = choices().map(|(collector, choice)| {
        (vec![("collector", collector.into())], f64::from(u8::from(choice.is_degraded())))
    });
    let missing = choices().flat_map(|(collector, choice)| {
        choice.missing().iter().map(move |part| {
            let reason = part.refusal.reason.name().into();
            let labels = [("collector", collector.into()), ("lost", part.loses.into()), ("reason", reason)];
            (labels.to_vec(), 1.0)
        })
    });
    let held = privileges::names(privileges::effective());
    vec![
        (
            "collector_rung_info",
            "The way in which a collector is attached, of those that `kernel-exporter doctor` lists; always 1",
            MetricType::GAUGE,
            info.collect(),
        ),
        (
            "collector_degraded",
            "Whether a collector that measures tells less than on a kernel that allows more",
            MetricType::GAUGE,
            degraded.collect(),
        ),
        (
            "collector_missing_info",
            "What a collector that measures does not tell on this kernel, and why; always 1",
            MetricType::GAUGE,
            missing.collect(),
        ),
        (
            "cgroup_events_up",
            "Whether births and deaths of cgroups come as events; else their tree is walked once a minute",
            MetricType::GAUGE,
            vec![(Vec::new(), f64::from(u8::from(report.cgroup_events)))],
        ),
        (
            "capability_info",
            "A capability that the exporter has kept; always 1",
            MetricType::GAUGE,
            held.into_iter().map(|name| (vec![("capability", name.into())], 1.0)).collect(),
        ),
    ]
}
