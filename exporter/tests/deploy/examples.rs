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
fn prometheus_takes_the_scrape_configs() {
    let [old, new, pods] =
        ["2", "3", "kubernetes"].map(|name| text(&format!("deploy/prometheus/prometheus-{name}.yml")));
    assert_eq!(or_skip!(refused(&old)), "");
    // 3.5, which is what there is to test with, does not know this key yet.
    for config in [&new, &pods] {
        let lines: Vec<&str> = config.lines().collect();
        let (unknown, known): (Vec<&str>, Vec<&str>) =
            lines.iter().partition(|line| line.trim_start().starts_with("scrape_native_histograms: true"));
        assert_eq!(unknown.len(), 1, "{config}");
        assert_eq!(or_skip!(refused(&known.join("\n"))), "");
    }
    assert_eq!(jobs(&old), jobs(&new));
    for config in [&old, &new, &pods] {
        assert!(jobs(config).iter().all(|job| job["honor_labels"] == true));
    }
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
