//! A dashboard as Grafana evaluates it: variables put into queries, queries asked of a Prometheus.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use crate::{list, panels, server::Prometheus, text};

/// Seconds that a graph goes back.
const RANGE: f64 = 10.0;

/// What a query's answer lacks.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Dashboard, panel or variable, and query.
    pub(crate) place: String,
    pub(crate) problem: String,
}

/// The values of a dashboard's variables.
struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Puts them into a query.
    fn put(&self, query: &str) -> String {
        let mut query = query.to_owned();
        for (name, value) in &self.0 {
            query = query.replace(&format!("${{{name}:raw}}"), value);
            query = query.replace(&format!("${name}"), value);
        }
        assert!(!query.contains('$'), "a variable without a value in {query}");
        query
    }
}

/// Evaluates all variables and panels with everything chosen. `histograms` is the name of the form, `job` the job that
/// has it. Gives what has no data, and how many queries were asked.
pub(crate) fn evaluate(
    prometheus: &Prometheus,
    (file, dashboard): &(String, Value),
    histograms: &str,
    job: &str,
) -> (Vec<Finding>, usize) {
    let mut values = BTreeMap::from([("__rate_interval".to_owned(), "10s".to_owned())]);
    let (mut findings, mut asked) = (Vec::new(), 0);
    let mut find = |what: String, query: &str, problem: Option<String>| {
        asked += 1;
        let place = || format!("{file} ({histograms}), {what}: {query}");
        findings.extend(problem.map(|problem| Finding { place: place(), problem }));
    };
    for variable in list(&dashboard["templating"]["list"]) {
        let name = text(&variable["name"]).to_owned();
        let value = match (name.as_str(), text(&variable["type"])) {
            ("job", _) => job.to_owned(),
            ("histograms", _) => {
                let options = list(&variable["options"]);
                let option = options.iter().find(|option| option["text"] == histograms).expect("an option");
                text(&option["value"]).to_owned()
            }
            (_, "query") => {
                let query = Variables(values.clone()).put(text(&variable["query"]["query"]));
                find(format!("variable {name}"), &query, no_values(prometheus, &query));
                text(&variable["allValue"]).to_owned()
            }
            (_, "custom") => text(&variable["current"]["value"]).to_owned(),
            _ => continue,
        };
        values.insert(name, value);
    }
    let variables = Variables(values);
    for panel in panels(dashboard) {
        for target in list(&panel["targets"]) {
            let query = variables.put(text(&target["expr"]));
            let problem = if target["instant"] == true {
                no_vector(prometheus, &query)
            } else {
                no_matrix(prometheus, &query, panel["type"] == "heatmap")
            };
            find(text(&panel["title"]).to_owned(), &query, problem);
        }
    }
    (findings, asked)
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// Why `label_values(METRIC, LABEL)` gives nothing.
fn no_values(prometheus: &Prometheus, query: &str) -> Option<String> {
    let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let (metric, label) =
        inner.and_then(|inner| inner.rsplit_once(", ")).expect("label_values(METRIC, LABEL)");
    let start = (now() - RANGE).to_string();
    let answer =
        prometheus.answer(&format!("label/{label}/values"), &[("match[]", metric), ("start", &start)]);
    list(&answer["data"]).is_empty().then(|| "no values".to_owned())
}

fn no_vector(prometheus: &Prometheus, query: &str) -> Option<String> {
    let answer = prometheus.answer("query", &[("query", query)]);
    complaint(&answer).or_else(|| list(&answer["data"]["result"]).is_empty().then(|| "no data".to_owned()))
}

fn no_matrix(prometheus: &Prometheus, query: &str, is_heatmap: bool) -> Option<String> {
    let (start, end) = ((now() - RANGE).to_string(), now().to_string());
    let parameters = [("query", query), ("start", &*start), ("end", &*end), ("step", "1")];
    let answer = prometheus.answer("query_range", &parameters);
    if let Some(complaint) = complaint(&answer) {
        return Some(complaint);
    }
    let series = list(&answer["data"]["result"]);
    let has_number = |series: &Value| {
        let values = series["values"].as_array().into_iter().flatten();
        values.map(|value| text(&value[1])).any(|value| value != "NaN")
    };
    let is_drawn = if is_heatmap {
        // One native histogram, or several buckets.
        series.iter().any(|series| series.get("histograms").is_some()) || series.len() > 2
    } else {
        series.iter().any(has_number)
    };
    (!is_drawn).then(|| "no data".to_owned())
}

/// What Prometheus finds wrong with a query.
fn complaint(answer: &Value) -> Option<String> {
    let says =
        |key: &str| answer[key].as_array().filter(|all| !all.is_empty()).map(|all| format!("{key}: {all:?}"));
    says("warnings").or_else(|| says("infos"))
}
