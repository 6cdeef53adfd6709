//! Names of metrics in dashboards and rules: each is the catalogue's, the exporter's own, or recorded.

use std::{collections::BTreeSet, fs};

use kernel_exporter::{
    catalogue::{Kind, Metric},
    collectors::registry,
};

use crate::{dashboards, list, panels, rules, text, tools::root_folder};

/// What Prometheus itself adds.
const PROMETHEUS: &str = "up";

/// Names in a query: what stands where a metric can, before a brace, a range or an end, or is matched as `__name__`. In
/// these queries all begin in one of few ways. Of a histogram whose form a variable says, the form is left out.
pub(crate) fn metrics_in(query: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    query
        .replace("${histograms:raw}", "")
        .split(|c| !is_part(c))
        .filter(|word| {
            ["kernel_", "process_", "system_"].iter().any(|start| word.starts_with(start))
                || word.contains(':')
        })
        .filter(|word| !is_label(word))
        .map(str::to_owned)
        .collect()
}

/// Labels that begin as metrics do.
fn is_label(word: &str) -> bool {
    kernel_exporter::catalogue::keys::ALL.iter().any(|key| key.prometheus == word)
}

/// The catalogue's names, with the ends that classic histograms have.
fn catalogue() -> BTreeSet<String> {
    let names = |metric: &&'static Metric| {
        let name = metric.prometheus_name();
        let ends: &[&str] = match metric.kind {
            Kind::Durations | Kind::Sizes => &["", "_bucket", "_count", "_sum"],
            Kind::Counter | Kind::Gauge => &[""],
        };
        ends.iter().map(|end| format!("{name}{end}")).collect::<Vec<_>>()
    };
    registry::descriptions().flat_map(|collector| collector.metrics).flat_map(names).collect()
}

/// Every query of dashboards, variables and rules, with where it is.
pub(crate) fn queries() -> Vec<(String, String)> {
    let mut queries = rules::expressions();
    for (file, dashboard) in dashboards() {
        for variable in list(&dashboard["templating"]["list"]) {
            if variable["type"] == "query" {
                queries.push((file.clone(), text(&variable["query"]["query"]).to_owned()));
            }
        }
        for panel in panels(&dashboard) {
            let expressions = list(&panel["targets"]).iter().map(|target| text(&target["expr"]).to_owned());
            queries.extend(expressions.map(|query| (format!("{file}, {}", panel["title"]), query)));
        }
    }
    queries
}

/// `own` are the names that an exporter serves of itself; without them, whatever looks so is believed.
pub(crate) fn check(own: Option<&BTreeSet<String>>) {
    let (catalogue, recorded) = (catalogue(), rules::recorded());
    for (place, query) in queries() {
        let metrics = metrics_in(&query);
        assert!(!metrics.is_empty() || query.contains(PROMETHEUS), "{place}: no metric in {query}");
        for metric in metrics {
            let is_own = match own {
                Some(own) => own.contains(&metric),
                None => metric.starts_with("kernel_exporter_") || metric.starts_with("process_"),
            };
            let is_known =
                catalogue.contains(&metric) || is_own || recorded.iter().any(|(record, _)| *record == metric);
            assert!(is_known, "{place}: there is no metric {metric}, in {query}");
        }
    }
}

#[test]
fn dashboards_and_rules_read_metrics_that_exist() {
    check(None);
}

/// Names in README and runbooks as well.
#[test]
fn texts_name_dashboards_that_exist() {
    let titles: BTreeSet<String> =
        dashboards().iter().map(|(_, dashboard)| text(&dashboard["title"]).to_owned()).collect();
    let folder = root_folder().join("docs/runbooks");
    let mut named = 0;
    for file in fs::read_dir(folder).expect("a folder") {
        let path = file.expect("an entry").path();
        let page = fs::read_to_string(&path).expect("text").replace('\n', " ");
        for name in page.split('*').filter(|part| part.starts_with("Kernel / ")) {
            assert!(titles.contains(name), "{}: no dashboard {name:?}", path.display());
            named += 1;
        }
    }
    assert!(named > 0);
}
