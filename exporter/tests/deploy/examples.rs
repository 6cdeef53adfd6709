//! Examples for Prometheus and for OpenTelemetry's Collector.

use std::process::Command;

use serde_json::Value;

use crate::{
    documents, text,
    tools::{fed, or_skip, prometheus_tool},
};

/// What `promtool` says against a config; nothing if it is valid.
fn refused(config: &str) -> Result<String, String> {
    let promtool = prometheus_tool("promtool")?;
    let (said, accepted) = fed(
        Command::new(promtool).args(["check", "config", "--syntax-only", "/dev/stdin"]),
        config.as_bytes(),
    );
    Ok(if accepted { String::new() } else { said })
}

/// The jobs of a config, without what only new versions of Prometheus know.
fn jobs(config: &str) -> Vec<Value> {
    let mut jobs = documents(config).remove(0)["scrape_configs"].take();
    let jobs = jobs.as_array_mut().expect("a list");
    for job in jobs.iter_mut() {
        job.as_object_mut().expect("a job").remove("scrape_native_histograms");
    }
    std::mem::take(jobs)
}

#[test]
fn prometheus_takes_both_scrape_configs() {
    let [old, new] = ["2", "3"].map(|version| text(&format!("deploy/prometheus/prometheus-{version}.yml")));
    assert_eq!(or_skip!(refused(&old)), "");
    // 3.5, which is what there is to test with, does not know this key yet.
    let key = "    scrape_native_histograms: true\n";
    assert_eq!(new.matches(key).count(), 2);
    assert_eq!(or_skip!(refused(&new.replace(key, ""))), "");
    assert_eq!(jobs(&old), jobs(&new));
    assert!(jobs(&new).iter().all(|job| job["honor_labels"] == true));
    assert!(or_skip!(refused(&old.replace("honor_labels", "honour_labels"))).contains("honour_labels"));
}

#[test]
fn the_collector_s_pipelines_are_made_of_what_is_there() {
    let config = documents(&text("deploy/otel-collector.yaml")).remove(0);
    for (name, pipeline) in config["service"]["pipelines"].as_object().expect("pipelines") {
        for kind in ["receivers", "processors", "exporters"] {
            let parts = pipeline[kind].as_array().expect(name);
            assert!(!parts.is_empty());
            for part in parts.iter().filter_map(Value::as_str) {
                assert!(config[kind].get(part).is_some(), "{name} has no {part} in {kind}");
            }
        }
    }
    let receiver = &config["receivers"]["prometheus"]["config"];
    assert_eq!(or_skip!(refused(&receiver.to_string())), "");
}
