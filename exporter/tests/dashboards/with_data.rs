//! Everything at once: a Prometheus with the rules scrapes a busy exporter as native and as classic histograms, behind
//! targets that have a namespace, a pod and a container of their own, and every dashboard is full.

use std::{collections::BTreeSet, env, fs, thread, time::Duration};

use serde_json::Value;

use crate::{
    api::{Api, wait_until_known},
    dashboards,
    evaluate::{Finding, evaluate},
    exporter::Folder,
    harness::{Exporter, turn},
    list,
    load::Load,
    names, rules,
    server::Prometheus,
    text,
    tools::{or_skip, prometheus_tool},
};

/// Both forms of histograms: the job's name is that of the form.
const FORMS: [(&str, &str); 2] = [("native", "PrometheusProto"), ("classic", "PrometheusText0.0.4")];

/// The exporter's own pod, by the labels of its target.
const OWN: &str = "{namespace: monitoring, pod: kernel-exporter-x7k2p, container: kernel-exporter}";

/// What may be without data on some machines, by a part of the query, and why.
const MAY_BE_ABSENT: [(&str, &str); 4] = [
    ("kernel_interrupt_duration_seconds", "a VM may have no interrupt with a handler while it is measured"),
    ("kernel_tcp_listen_overflows_total", "a kernel without kprobes does not tell whose they are"),
    (
        "kernel_tcp_host_listen_overflows_total",
        "the whole network namespace's is told only where owners are not",
    ),
    ("sum by (collector, reason)", "no collector has a reason where all measure"),
];

#[test]
fn every_panel_has_data() {
    let Some(_turn) = turn() else { return };
    let program = or_skip!(prometheus_tool("prometheus"));
    let api = Api::start();
    let exporter = Exporter::start(&format!(
        "{}budget: {{cpu: 90%}}\ncollectors: {{interrupts: {{per_cpu: true}}}}\n\
         otlp: {{endpoints: [{{url: \"http://127.0.0.1:9\"}}], interval: 1s}}\n",
        api.config
    ));
    let load = Load::begin(&api);
    wait_until_known(&exporter, 2);
    let folder = Folder::new();
    let prometheus = Prometheus::start_as(&program, &config(&exporter, &folder));
    let own = exporter.scrape().samples.keys().map(|(name, _)| name.clone()).collect();
    names::check(Some(&with_web_config(own)));
    wait_for_data(&prometheus);

    let (mut findings, mut asked) = (Vec::new(), 0);
    for dashboard in &dashboards() {
        for (form, _) in FORMS {
            let (found, queries) = evaluate(&prometheus, dashboard, form, form);
            findings.extend(found);
            asked += queries;
        }
    }
    report(findings, asked);
    check_rules(&prometheus);
    no_pod_is_the_exporters(&prometheus);
    prometheus.assert_no_complaints();
    if let Ok(seconds) = env::var("KERNEL_EXPORTER_DASHBOARDS_STAY") {
        println!("scraped by {}", prometheus.base());
        thread::sleep(Duration::from_secs(seconds.parse().expect("seconds")));
    }
    drop(load);
}

/// Rules are evaluated every second, whatever their own intervals are.
fn config(exporter: &Exporter, folder: &Folder) -> String {
    let mut config = String::from("global: {scrape_interval: 2s, evaluation_interval: 1s}\nrule_files:\n");
    for file in rules::files("dashboards/rules") {
        let content = fs::read_to_string(&file).expect("text");
        let at_once: Vec<_> =
            content.lines().filter(|line| !line.trim_start().starts_with("interval:")).collect();
        let copy = folder.path().join(file.file_name().expect("a file"));
        fs::write(&copy, at_once.join("\n")).expect("a copy");
        config += &format!("- {}\n", copy.display());
    }
    config += "scrape_configs:\n";
    for (job, protocol) in FORMS {
        config += &format!(
            "- job_name: {job}\n  honor_labels: true\n  scrape_protocols: [{protocol}]\n  \
             fallback_scrape_protocol: {protocol}\n  \
             static_configs: [{{targets: ['{}'], labels: {OWN}}}]\n",
            exporter.address
        );
    }
    config
}

/// An exporter with a web config has one metric more that a rule reads.
fn with_web_config(mut own: BTreeSet<String>) -> BTreeSet<String> {
    own.insert("kernel_exporter_web_config_last_reload_successful".to_owned());
    own
}

/// Waits until both pods, the container and the unit have had to leave a CPU to others, so that there are rates of everything; then
/// for the rules, which need what they record themselves.
fn wait_for_data(prometheus: &Prometheus) {
    for (job, _) in FORMS {
        let query = format!(
            "count(sum by (pod, container_id, unit) (rate(kernel_scheduler_context_switches_total{{job=\"{job}\", \
             type=\"involuntary\"}}[10s]) > 0))"
        );
        prometheus.until("everybody is pushed off the CPU", |prometheus| {
            prometheus
                .query(&query)
                .first()
                .is_some_and(|sample| crate::server::number(&sample["value"][1]) >= 4.0)
        });
    }
    thread::sleep(Duration::from_secs(16));
}

fn report(findings: Vec<Finding>, asked: usize) {
    let reason = |finding: &Finding| {
        MAY_BE_ABSENT.iter().find(|(part, _)| finding.place.contains(part)).map(|(_, why)| *why)
    };
    println!("{asked} queries were asked, {} without data", findings.len());
    let mut unexplained = Vec::new();
    for finding in &findings {
        match reason(finding) {
            Some(reason) if finding.problem.starts_with("no ") => {
                println!("no data, as {reason}: {}", finding.place)
            }
            _ => unexplained.push(format!("{}\n    {}", finding.place, finding.problem)),
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

/// Every rule can be evaluated, and what is recorded is there in both forms.
fn check_rules(prometheus: &Prometheus) {
    let groups = prometheus.api("rules", &[]);
    let rules: Vec<&Value> = list(&groups["groups"]).iter().flat_map(|group| list(&group["rules"])).collect();
    assert_eq!(rules.len(), rules::expressions().len());
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{}: {}", text(&rule["name"]), rule["lastError"]);
    }
    for (record, _) in rules::recorded() {
        for (job, _) in FORMS {
            let values = prometheus.query(&format!("{record}{{job=\"{job}\"}}"));
            assert!(!values.is_empty(), "{record} is empty for {job}");
        }
    }
}

/// What is in no pod has its target's labels, as scraping gives them to it; it must not be taken for a pod.
fn no_pod_is_the_exporters(prometheus: &Prometheus) {
    let units =
        prometheus.query("count(kernel_thread_time_seconds_total{namespace=\"monitoring\", unit!=\"\"})");
    assert!(!units.is_empty(), "targets have labels of their own");
    for query in [
        "kernel_thread_time_seconds_total{workload!=\"\"}",
        "namespace_activity:kernel_thread_time_seconds:rate5m",
    ] {
        let namespaces: BTreeSet<String> = prometheus
            .query(&format!("count by (namespace) ({query})"))
            .iter()
            .map(|sample| text(&sample["metric"]["namespace"]).to_owned())
            .collect();
        assert!(namespaces.iter().all(|name| name.starts_with("space-")), "{query}: {namespaces:?}");
        assert!(!namespaces.is_empty(), "{query}");
    }
}
