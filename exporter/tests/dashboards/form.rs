//! What every dashboard must have: the rules of Grafana's dashboard-linter, and what keeps panels usable.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{dashboards, list, panels, text};

#[test]
fn panels_say_what_they_show() {
    for (file, dashboard) in dashboards() {
        let mut titles = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = text(&panel["title"]);
            assert!(!title.is_empty() && titles.insert(title), "{file}: {title:?} twice, or empty");
            assert!(text(&panel["description"]).ends_with('.'), "{file}, {title}: no description");
            assert!(!text(&panel["fieldConfig"]["defaults"]["unit"]).is_empty(), "{file}, {title}: no unit");
            assert!(!list(&panel["targets"]).is_empty(), "{file}, {title}: no query");
        }
    }
}

#[test]
fn dashboards_follow_the_linters_rules() {
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        assert_eq!(dashboard["editable"], false, "{file}");
        assert_eq!(file, format!("{}.json", text(&dashboard["uid"])));
        assert!(uids.insert(text(&dashboard["uid"]).to_owned()), "{file}: uid twice");
        let variables = list(&dashboard["templating"]["list"]);
        let labels = |name: &str| {
            let found = variables.iter().find(|variable| variable["name"] == name);
            text(&found.unwrap_or_else(|| panic!("{file}: no variable {name}"))["label"]).to_owned()
        };
        assert_eq!(
            ["datasource", "job", "instance"].map(labels),
            ["Data source", "Job", "Instance"].map(str::to_owned)
        );
        for variable in variables.iter().filter(|variable| variable["type"] == "query") {
            assert_eq!(variable["refresh"], 2, "{file}: {variable}");
            assert_eq!(variable["datasource"]["uid"], "${datasource}", "{file}");
        }
        for panel in panels(&dashboard) {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{file}");
            for target in list(&panel["targets"]) {
                check_query(&file, text(&target["expr"]), variables);
            }
        }
    }
}

fn check_query(file: &str, query: &str, variables: &[Value]) {
    // What is recorded by namespace is of all instances.
    assert!(query.contains(r#"job=~"$job""#), "{file}: {query}");
    assert!(
        query.contains(r#"instance=~"$instance""#) || query.contains("namespace_activity:"),
        "{file}: {query}"
    );
    for (at, _) in query.match_indices("rate(") {
        let range = query[at..].split_once('[').map(|(_, rest)| rest);
        assert!(range.is_some_and(|range| range.starts_with("$__rate_interval]")), "{file}: {query}");
    }
    for piece in query.split('$').skip(1) {
        let name: String = piece
            .trim_start_matches('{')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let is_known = name == "__rate_interval" || variables.iter().any(|variable| variable["name"] == name);
        assert!(is_known, "{file}: ${name} is no variable, in {query}");
    }
}

#[test]
fn panels_are_side_by_side() {
    for (file, dashboard) in dashboards() {
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in list(&dashboard["panels"]) {
            let number = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
            let (x, y, width, height) = (number("x"), number("y"), number("w"), number("h"));
            assert!(x + width <= 24, "{file}: {} is too wide", panel["title"]);
            assert!(ids.insert(panel["id"].as_u64()), "{file}: an id twice");
            for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{file}: {} is over another panel", panel["title"]);
            }
        }
    }
}

/// A click on a node or a pod leads to a dashboard that there is.
#[test]
fn links_lead_somewhere() {
    let dashboards = dashboards();
    let is_there = |uid: &str| dashboards.iter().any(|(_, dashboard)| dashboard["uid"] == uid);
    let mut links = 0;
    for (file, dashboard) in &dashboards {
        for panel in panels(dashboard) {
            for link in panel["fieldConfig"]["defaults"]["links"].as_array().into_iter().flatten() {
                let url = text(&link["url"]);
                let uid = url.strip_prefix("/d/").and_then(|rest| rest.split('?').next());
                assert!(uid.is_some_and(is_there), "{file}: {url}");
                links += 1;
            }
        }
        assert_eq!(dashboard["links"][0]["tags"], dashboard["tags"], "{file}");
    }
    assert!(links > 0);
}
