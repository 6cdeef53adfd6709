//! A Prometheus server, and what it answers.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::exporter::{Folder, end};

/// A way to scrape the exporter.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    /// As `scrape_protocols` names it.
    protocol: &'static str,
}

pub(crate) const TEXT: Job = Job { name: "text", protocol: "PrometheusText0.0.4" };
pub(crate) const OPENMETRICS: Job = Job { name: "openmetrics", protocol: "OpenMetricsText1.0.0" };
pub(crate) const PROTOBUF: Job = Job { name: "protobuf", protocol: "PrometheusProto" };

/// A running Prometheus that scrapes one exporter every second. Dropping it ends it.
pub(crate) struct Prometheus {
    child: Child,
    agent: ureq::Agent,
    base: String,
    folder: Folder,
}

impl Prometheus {
    /// Starts the server and waits until it is ready.
    pub(crate) fn start(program: &Path, exporter: SocketAddr, jobs: &[Job]) -> Self {
        Self::start_with(program, exporter, jobs, "")
    }

    /// The same, with more keys for each job, in the form of a YAML mapping's entries.
    pub(crate) fn start_with(program: &Path, exporter: SocketAddr, jobs: &[Job], access: &str) -> Self {
        let mut config = String::from("global: {scrape_interval: 1s}\nscrape_configs:\n");
        for Job { name, protocol } in jobs {
            config += &format!(
                "- job_name: {name}\n  scrape_protocols: [{protocol}]\n  fallback_scrape_protocol: {protocol}\n  \
                 always_scrape_classic_histograms: true\n  static_configs: [{{targets: ['{exporter}']}}]\n{access}"
            );
        }
        Self::start_as(program, &config)
    }

    /// The same, with a config of its own.
    pub(crate) fn start_as(program: &Path, config: &str) -> Self {
        Self::start_prepared(program, config, |_| {})
    }

    /// The same, with what `prepare` puts into the folder of its database.
    pub(crate) fn start_prepared(program: &Path, config: &str, prepare: impl FnOnce(&Path)) -> Self {
        let folder = Folder::new();
        prepare(&folder.path().join("data"));
        fs::write(folder.path().join("prometheus.yml"), config).expect("a config");
        let address = free_address();
        let log = File::create(folder.path().join("log")).expect("a log");
        let child = Command::new(program)
            .current_dir(folder.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg("--enable-feature=native-histograms")
            .arg(format!("--web.listen-address={address}"))
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("Prometheus starts");
        let timeout = Some(Duration::from_secs(10));
        let agent = ureq::Agent::config_builder().timeout_global(timeout).build().into();
        let prometheus = Self { child, agent, base: format!("http://{address}"), folder };
        prometheus.until("it is ready", |prometheus| {
            prometheus.agent.get(format!("{}/-/ready", prometheus.base())).call().is_ok()
        });
        prometheus
    }

    /// Waits until `holds`, for half a minute at most.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds(self) {
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", self.log());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Where it serves.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }

    /// An instant query's vector, at `time` in seconds since the epoch.
    pub(crate) fn query_at(&self, query: &str, time: f64) -> Vec<Value> {
        let time = time.to_string();
        let data = self.api("query", &[("query", query), ("time", &time)]);
        data["result"].as_array().expect("a vector").clone()
    }

    /// An instant query's vector, now.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        self.api("query", &[("query", query)])["result"].as_array().expect("a vector").clone()
    }

    /// The only value of an instant query's vector.
    pub(crate) fn value_at(&self, query: &str, time: f64) -> f64 {
        let vector = self.query_at(query, time);
        let [only] = vector.as_slice() else { panic!("{query}: {vector:?}") };
        number(&only["value"][1])
    }

    /// What the API says about `path`.
    pub(crate) fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        self.answer(path, parameters)["data"].take()
    }

    /// The same, with what else the API says.
    pub(crate) fn answer(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let request = self.agent.get(format!("{}/api/v1/{path}", self.base));
        let mut response = request
            .query_pairs(parameters.iter().copied())
            .call()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Fails unless every target is up, no scrape ever failed, and no sample was refused.
    pub(crate) fn assert_content(&self, jobs: usize) {
        let targets = self.api("targets", &[]);
        let targets = targets["activeTargets"].as_array().expect("targets");
        assert_eq!(targets.len(), jobs);
        for target in targets {
            assert_eq!(target["health"], "up", "{target}");
            assert_eq!(target["lastError"], "", "{target}");
        }
        for job in self.query("min_over_time(up[1m])") {
            assert_eq!(job["value"][1], "1", "a scrape failed: {job}\n{}", self.log());
        }
        self.assert_no_complaints();
    }

    /// Fails if it has logged a warning or an error: of samples that it refuses, or rules that it cannot evaluate.
    pub(crate) fn assert_no_complaints(&self) {
        let log = self.log();
        let complaints: Vec<&str> =
            log.lines().filter(|line| ["WARN", "ERROR"].iter().any(|level| line.contains(level))).collect();
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A number as the API writes it.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no number: {value}"))
}

/// An address that was free a moment ago: Prometheus doesn't tell which port it got.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}
