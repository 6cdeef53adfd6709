//! How it stands with what is known about pods, as metrics.

use std::{collections::HashMap, fmt};

use ::prometheus::{
    core::{Collector, Desc},
    proto::{MetricFamily, MetricType},
};

use super::engine::{Families, told};
use crate::entities::kubernetes::{Pods, Reason, Source, Status};

/// What all names begin with.
const PREFIX: &str = "kernel_exporter_kubernetes_";

/// A [`Collector`] over the [`Status`] of [`Pods`].
#[derive(Clone)]
pub struct KubernetesMetrics {
    pods: Pods,
    descriptions: Vec<Desc>,
}

impl KubernetesMetrics {
    /// Of these pods.
    ///
    /// # Errors
    ///
    /// Never, as long as the names below are distinct.
    pub fn new(pods: Pods) -> Result<Self, ::prometheus::Error> {
        let descriptions = families(&Status::default())
            .into_iter()
            .map(|(name, help, ..)| {
                Desc::new(format!("{PREFIX}{name}"), help.to_owned(), Vec::new(), HashMap::new())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { pods, descriptions })
    }
}

impl Collector for KubernetesMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        told(PREFIX, families(&self.pods.status())).map(MetricFamily::from).collect()
    }
}

impl fmt::Debug for KubernetesMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KubernetesMetrics").field(&self.pods).finish()
    }
}

/// Every family: name, help, type, series. Where nobody is asked, there is only the first.
fn families(status: &Status) -> Families<'static> {
    let sources = Source::ALL
        .map(|source| (vec![("source", source.name().into())], f64::from(u8::from(source == status.source))));
    let source = (
        "source",
        "1 for where what is known about pods comes from: the API server, the kubelet, or off",
        MetricType::GAUGE,
        sources.into(),
    );
    let is_on = status.source != Source::Off;
    let one = |value: f64| if is_on { vec![(Vec::new(), value)] } else { Vec::new() };
    let errors = Reason::ALL.into_iter().filter(|_| is_on).map(|reason| {
        let count = status.errors.iter().find(|(known, _)| *known == reason).map_or(0, |(_, count)| *count);
        (vec![("reason", reason.name().into())], count as f64)
    });
    vec![
        source,
        (
            "synced",
            "Whether all pods of this node are known and kept up to date; when not, what was known stays",
            MetricType::GAUGE,
            one(f64::from(u8::from(status.synced))),
        ),
        ("pods", "Pods of this node that are known", MetricType::GAUGE, one(status.pods as f64)),
        (
            "containers",
            "Containers that are known by name, those that are gone for less than five minutes included",
            MetricType::GAUGE,
            one(status.containers as f64),
        ),
        (
            "events_total",
            "Changes of pods and bookmarks from the API server, or lists from the kubelet",
            MetricType::COUNTER,
            one(status.events as f64),
        ),
        (
            "watch_restarts_total",
            "Watches that ended, as each does within minutes, and were taken up again",
            MetricType::COUNTER,
            one(status.restarts as f64),
        ),
        ("errors_total", "Failures to learn about pods, by reason", MetricType::COUNTER, errors.collect()),
        (
            "last_contact_seconds",
            "Time since the source said anything useful; absent if it never has",
            MetricType::GAUGE,
            status.since_last_contact.into_iter().flat_map(|since| one(since.as_secs_f64())).collect(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_is_asked_there_is_nothing_to_tell_but_that() {
        let metrics = KubernetesMetrics::new(Pods::off()).expect("names are distinct");
        let names: Vec<_> = metrics.collect().iter().map(|family| family.name().to_owned()).collect();
        assert_eq!(names, ["kernel_exporter_kubernetes_source"]);
    }

    #[test]
    fn everything_is_told_otherwise() {
        let status = Status { source: Source::Kubelet, errors: vec![(Reason::Tls, 3)], ..Status::default() };
        let families = families(&status);
        let series = |name: &str| {
            let family = families.iter().find(|(known, ..)| *known == name);
            family.map(|(.., series)| series.clone()).unwrap_or_default()
        };
        assert_eq!(series("synced"), [(Vec::new(), 0.0)]);
        assert_eq!(series("errors_total").len(), Reason::ALL.len(), "known reasons start at 0");
        assert!(series("errors_total").contains(&(vec![("reason", "tls".into())], 3.0)));
        assert_eq!(series("source").iter().filter(|(_, value)| *value == 1.0).count(), 1);
        assert!(series("last_contact_seconds").is_empty(), "there was none");
    }
}
