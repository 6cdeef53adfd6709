//! An alert in Prometheus: not before the fault, and whole when it fires.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{
    case::Case,
    harness::Exporter,
    rules::{self, FORMS, INSTANCE},
    server::Prometheus,
    tools::root_folder,
};

/// An alert that is to fire, for both forms of histograms.
pub(crate) struct Expected<'a> {
    pub(crate) name: &'a str,
    /// A metric that it compares, or that goes into what it compares, which must be there before the fault.
    pub(crate) reads: &'a str,
    /// Its labels beside name, severity, job and instance.
    pub(crate) labels: &'a [(&'a str, &'a str)],
    pub(crate) summary: &'a str,
    /// How its description begins.
    pub(crate) description: &'a str,
}

impl Expected<'_> {
    /// Makes the case of this name: the alert is silent before it, and fires during it. What the case says of the culprit and
    /// of the victim.
    pub(crate) fn raised_by(&self, case: &str, program: &Path) -> (String, String) {
        let exporter = Exporter::start("");
        let prometheus = rules::start(program, &exporter, &FORMS, |_| {});
        self.wait_until_compared(&prometheus);
        let mut case = Case::begin(case, &exporter, 6);
        let begin = case.trouble();
        FORMS.iter().for_each(|(job, _)| self.assert_silent(&prometheus, job, begin));
        self.wait_until_it_fires(&prometheus);
        let verdict = case.verdict();
        prometheus.assert_no_complaints();
        verdict
    }

    /// Waits until Prometheus has what the alert reads.
    pub(crate) fn wait_until_compared(&self, prometheus: &Prometheus) {
        prometheus.until(self.reads, |prometheus| {
            let present =
                |(job, _)| !prometheus.query(&format!("{}{{job=\"{job}\"}}", self.reads)).is_empty();
            FORMS.into_iter().all(present)
        });
    }

    /// Fails if it has ever fired until this time, in seconds since the epoch; and if nothing was compared.
    pub(crate) fn assert_silent(&self, prometheus: &Prometheus, job: &str, until: f64) {
        let compared = prometheus.query_at(&self.compared(job), until);
        assert!(!compared.is_empty(), "Prometheus had nothing of {job} to compare");
        let fired = format!("ALERTS{{alertname=\"{}\", job=\"{job}\", alertstate=\"firing\"}}", self.name);
        let ever = prometheus.query_at(&format!("count_over_time({fired}[10m])"), until);
        assert!(ever.is_empty(), "{ever:?}, with {compared:?}");
    }

    /// Waits until it fires for both forms, and looks at all that it says.
    pub(crate) fn wait_until_it_fires(&self, prometheus: &Prometheus) {
        prometheus.until(self.name, |prometheus| {
            let firing = self.firing(prometheus);
            FORMS.iter().all(|(job, _)| firing.iter().any(|alert| is_of(alert, job)))
        });
        for (job, _) in FORMS {
            let firing = self.firing(prometheus);
            let of_job: Vec<_> = firing.iter().filter(|alert| is_of(alert, job)).collect();
            let [alert] = of_job[..] else { panic!("one alert for {job}: {firing:?}") };
            println!("{alert}");
            self.check(alert, job);
        }
    }

    /// The query for what it compares.
    fn compared(&self, job: &str) -> String {
        let labels: String =
            self.labels.iter().map(|(name, value)| format!(", {name}=\"{value}\"")).collect();
        format!("{}{{job=\"{job}\"{labels}}}", self.reads)
    }

    fn check(&self, alert: &Value, job: &str) {
        let own = [("alertname", self.name), ("severity", "warning"), ("job", job), ("instance", INSTANCE)];
        let expected: BTreeMap<&str, &str> = own.iter().chain(self.labels).copied().collect();
        assert_eq!(texts(&alert["labels"]), expected);
        let annotations = texts(&alert["annotations"]);
        assert_eq!(annotations["summary"], self.summary);
        let description = annotations["description"];
        assert!(description.starts_with(self.description), "{description}");
        assert!(!description.contains("<error") && !description.contains("no value"), "{description}");
        let page = fs::read_to_string(root_folder().join(annotations["runbook_url"]));
        assert!(page.is_ok_and(|page| page.starts_with(&format!("# {}\n", self.name))));
    }

    fn firing(&self, prometheus: &Prometheus) -> Vec<Value> {
        let mut alerts = prometheus.api("alerts", &[]);
        let alerts = alerts["alerts"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let is_it = |alert: &Value| alert["labels"]["alertname"] == self.name && alert["state"] == "firing";
        alerts.into_iter().filter(is_it).collect()
    }
}

fn is_of(alert: &Value, job: &str) -> bool {
    alert["labels"]["job"] == job
}

fn texts(mapping: &Value) -> BTreeMap<&str, &str> {
    let entries = mapping.as_object().expect("a mapping").iter();
    entries.map(|(key, value)| (key.as_str(), value.as_str().expect("a text"))).collect()
}
