//! A Prometheus with the rules that are shipped, in a hurry.

use std::{fmt::Write as _, fs, path::Path};

use crate::{exporter::Folder, harness::Exporter, server::Prometheus, tools::root_folder};

/// Both forms of histograms: the job's name is that of the form. Rules take the native one where there is one.
pub(crate) const FORMS: [(&str, &str); 2] =
    [("native", "PrometheusProto"), ("classic", "PrometheusText0.0.4")];

/// The name of the machine, for all jobs.
pub(crate) const INSTANCE: &str = "node";

/// Scrapes the exporter once per second for each job (name and protocol), with data that `prepare` puts into its folder.
pub(crate) fn start(
    program: &Path,
    exporter: &Exporter,
    jobs: &[(&str, &str)],
    prepare: impl FnOnce(&Path),
) -> Prometheus {
    let folder = Folder::new();
    let mut config = String::from("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files:\n");
    for file in ["recording.yaml", "alerts.yaml"] {
        let content = fs::read_to_string(root_folder().join("dashboards/rules").join(file)).expect("text");
        let copy = folder.path().join(file);
        fs::write(&copy, in_a_hurry(&content)).expect("a copy");
        writeln!(config, "- {}", copy.display()).expect("a string");
    }
    config += "scrape_configs:\n";
    for (job, protocol) in jobs {
        writeln!(
            config,
            "- job_name: {job}\n  scrape_protocols: [{protocol}]\n  fallback_scrape_protocol: {protocol}\n  \
             static_configs: [{{targets: ['{}'], labels: {{instance: {INSTANCE}}}}}]",
            exporter.address
        )
        .expect("a string");
    }
    Prometheus::start_prepared(program, &config, prepare)
}

/// Groups are evaluated once per second, and an alert need hold for five seconds only. A quarter of an hour would be long for
/// a test. Everything else stays: queries, the windows in them, thresholds.
fn in_a_hurry(rules: &str) -> String {
    let mut hurried = String::new();
    for line in rules.lines() {
        let (key, value) = line.trim_start().split_once(": ").unwrap_or((line, ""));
        match key {
            "interval" => {}
            "for" => hurried += &line.replace(value, "5s"),
            _ => hurried += line,
        }
        hurried.push('\n');
    }
    hurried
}
