//! Which of the exporter's own series an endpoint knows, to tell it which have ended: those of a collector that was
//! switched off, of an endpoint that is pushed to no more.

use std::collections::HashSet;

use prometheus::proto::{LabelPair, Metric, MetricFamily};

/// The exporter's own metrics, as one request has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    /// With values.
    pub(crate) families: Vec<MetricFamily>,
    /// Series that are no more, with values that nobody looks at.
    pub(crate) ended: Vec<MetricFamily>,
}

impl Own {
    /// Points in it.
    pub(crate) fn points(&self) -> usize {
        self.families.iter().chain(&self.ended).map(|family| family.get_metric().len()).sum()
    }
}

/// What one endpoint knows of them.
#[derive(Debug, Default)]
pub(crate) struct OwnSeries {
    known: Vec<MetricFamily>,
    /// Those of the request on its way.
    sent: Option<Vec<MetricFamily>>,
}

impl OwnSeries {
    /// What the next request has of them, when they are like this.
    pub(crate) fn next(&mut self, families: Vec<MetricFamily>) -> Own {
        let ended = self.missing_in(&families);
        self.sent = Some(families.clone());
        Own { families, ended }
    }

    /// The request has arrived.
    pub(crate) fn accepted(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.known = sent;
        }
    }

    fn missing_in(&self, families: &[MetricFamily]) -> Vec<MetricFamily> {
        let series =
            |family: &'_ MetricFamily, series: &'_ Metric| (family.name().to_owned(), labels(series));
        let shown: HashSet<_> = families
            .iter()
            .flat_map(|family| family.get_metric().iter().map(move |one| series(family, one)))
            .collect();
        let families = self.known.iter().map(|family| {
            let gone = family.get_metric().iter().filter(|one| !shown.contains(&series(family, one)));
            let gone = gone.cloned().collect::<Vec<_>>();
            let mut family = family.clone();
            family.set_metric(gone);
            family
        });
        families.filter(|family| !family.get_metric().is_empty()).collect()
    }
}

fn labels(series: &Metric) -> Vec<(String, String)> {
    let pair = |pair: &LabelPair| (pair.name().to_owned(), pair.value().to_owned());
    series.get_label().iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use prometheus::{IntGaugeVec, Opts, Registry};

    use super::*;

    #[test]
    fn what_has_ended_is_told_until_it_has_arrived() {
        let registry = Registry::new();
        let up = IntGaugeVec::new(Opts::new("up", "Whether it runs"), &["collector"]).expect("valid");
        registry.register(Box::new(up.clone())).expect("new");
        let mut series = OwnSeries::default();
        let next = |series: &mut OwnSeries| {
            let ended = series.next(registry.gather()).ended;
            ended.iter().flat_map(|family| family.get_metric().iter().map(labels)).collect::<Vec<_>>()
        };
        up.with_label_values(&["a"]).set(1);
        up.with_label_values(&["b"]).set(1);
        assert!(next(&mut series).is_empty());
        series.accepted();
        up.remove_label_values(&["a"]).expect("it was there");
        let a = vec![vec![("collector".to_owned(), "a".to_owned())]];
        assert_eq!(next(&mut series), a);
        assert_eq!(next(&mut series), a, "the first one was not accepted");
        series.accepted();
        assert!(next(&mut series).is_empty());
        // A family without series is not gathered at all.
        up.remove_label_values(&["b"]).expect("it was there");
        assert_eq!(next(&mut series).len(), 1);
    }
}
