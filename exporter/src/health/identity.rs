//! How well it is known who did it, as metrics.

use prometheus::proto::MetricType;

use super::engine::{Families, Labels};
use crate::{engine::Report, entities::kubernetes::Source};

pub(super) fn families(report: &Report) -> Families<'static> {
    let mut all = vec![(
        "pod_cgroups",
        "Cgroups of pods whose names are not known: `withheld` ones are not shown yet, because the names may still \
         come, `unnamed` ones are shown with what their paths say",
        MetricType::GAUGE,
        [("withheld", report.identities.withheld), ("unnamed", report.identities.unnamed)]
            .map(|(state, count)| (vec![("state", state.to_owned())], count as f64))
            .into(),
    )];
    all.extend(kubernetes(report));
    all
}

fn kubernetes(report: &Report) -> Families<'static> {
    let status = &report.kubernetes;
    let is_on = status.source != Source::Off;
    // Without a source there is nothing to say.
    let one = |value: f64| -> Vec<(Labels<'static>, f64)> {
        if is_on { vec![(Vec::new(), value)] } else { Vec::new() }
    };
    let info = Source::ALL.map(|source| {
        (vec![("source", source.name().to_owned())], f64::from(u8::from(source == status.source)))
    });
    let errors = status
        .errors
        .iter()
        .filter(|_| is_on)
        .map(|(reason, count)| (vec![("reason", reason.name().to_owned())], *count as f64));
    let contact = status.since_last_contact.map(|since| since.as_secs_f64());
    vec![
        (
            "kubernetes_source",
            "Where pods' names come from; 1 for the one that is used",
            MetricType::GAUGE,
            info.into(),
        ),
        (
            "kubernetes_synced",
            "Whether all pods of this node are known and kept up to date",
            MetricType::GAUGE,
            one(f64::from(u8::from(status.synced))),
        ),
        ("kubernetes_pods", "Pods of this node", MetricType::GAUGE, one(status.pods as f64)),
        (
            "kubernetes_containers",
            "Containers that are known by name, those that are gone for a few minutes included",
            MetricType::GAUGE,
            one(status.containers as f64),
        ),
        (
            "kubernetes_events_total",
            "Changes of pods and bookmarks that the API server told; for the kubelet, lists",
            MetricType::COUNTER,
            one(status.events as f64),
        ),
        (
            "kubernetes_watch_restarts_total",
            "Watches that ended and were taken up again",
            MetricType::COUNTER,
            one(status.restarts as f64),
        ),
        (
            "kubernetes_errors_total",
            "Failures of the source of pods' names",
            MetricType::COUNTER,
            errors.collect(),
        ),
        (
            "kubernetes_last_contact_seconds",
            "Time since the source of pods' names said anything useful",
            MetricType::GAUGE,
            contact.map_or_else(Vec::new, one),
        ),
    ]
}
