//! Debian's victoria-metrics as the receiver: what its users would see is what a scrape has.
//!
//! It speaks OTLP over HTTP only, and keeps exponential histograms as counters of ranges.

use std::{
    env, fs,
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use kernel_exporter::{
    catalogue::{Kind, Metric, keys},
    config::{Compression, HistogramForm, Protocol, Temporality},
    snapshot::{HistogramValue, Snapshot, Value},
};
use serde_json::Value as Json;

use super::{
    bench::Bench,
    world::{CPU, LATENCY, LEVEL, SWITCHES},
};

/// The series of those that have no place of their own.
const FOLD: &str = "(all other commands)";

/// One process, in a folder of its own. Dropping it ends it.
struct Victoria {
    child: Child,
    base: String,
    folder: PathBuf,
    agent: ureq::Agent,
}

impl Victoria {
    fn start(program: &Path, name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("victoria-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        // It doesn't tell which port it got, so it is given one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a free port");
        let log = File::create(folder.join("log")).expect("a log");
        let child = Command::new(program)
            .arg(format!("-storageDataPath={}", folder.join("data").display()))
            .arg(format!("-httpListenAddr={address}"))
            .args(["-retentionPeriod=1d", "-search.latencyOffset=0s", "-search.disableCache"])
            .args(["-opentelemetry.usePrometheusNaming", "-loggerLevel=WARN", "-memory.allowedBytes=64MiB"])
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("victoria-metrics starts");
        let agent =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build().into();
        let victoria = Self { child, base: format!("http://{address}"), folder, agent };
        let begun = Instant::now();
        while victoria.agent.get(format!("{}/health", victoria.base)).call().is_err() {
            let log = || fs::read_to_string(victoria.folder.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(30), "not ready: {}", log());
            thread::sleep(Duration::from_millis(50));
        }
        victoria
    }

    fn get(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let request = self.agent.get(format!("{}{path}", self.base)).query_pairs(parameters.iter().copied());
        let mut response = request.call().unwrap_or_else(|error| panic!("{path}: {error}"));
        response.body_mut().read_to_string().expect("text")
    }

    /// An instant query at a snapshot's moment: (command, range or bound of a bucket, value), in order.
    fn query(&self, query: &str, snapshot: &Snapshot) -> Vec<(String, String, f64)> {
        let at = snapshot.taken.duration_since(UNIX_EPOCH).expect("after 1970").as_millis() + 1;
        let text = self.get("/api/v1/query", &[("query", query), ("time", &format!("{}", at as f64 / 1e3))]);
        let answer: Json = serde_json::from_str(&text).expect("JSON");
        let vector = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {text}"));
        let label = |sample: &Json, name: &str| sample["metric"][name].as_str().unwrap_or("").to_owned();
        let mut samples: Vec<_> = vector
            .iter()
            .map(|sample| {
                let value = sample["value"][1].as_str().and_then(|value| value.parse().ok());
                let range = label(sample, "vmrange") + &label(sample, "le");
                (label(sample, "process_command"), range, value.expect("a number"))
            })
            .collect();
        samples.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        samples
    }
}

impl Victoria {
    /// The same without histograms that have ended: it takes the end of counters and gauges only.
    fn living(&self, query: &str, snapshot: &Snapshot) -> Vec<(String, String, f64)> {
        let living = scraped(snapshot, &LATENCY, |_| Some(0.0));
        let mut samples = self.query(query, snapshot);
        samples.retain(|(command, ..)| living.iter().any(|(living, ..)| living == command));
        samples
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        // They fail only when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where `scripts/setup.sh` puts it, or on the path.
fn program() -> Option<PathBuf> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/victoria-metrics/usr/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = [fetched].into_iter().chain(env::split_paths(&path));
    folders.find_map(|folder| Some(folder.join("victoria-metrics")).filter(|program| program.is_file()))
}

/// Pushes for a while; gives what was pushed last and whom to ask about it.
fn pushed(name: &str, form: HistogramForm, compression: Compression) -> Option<(Victoria, Snapshot)> {
    let Some(program) = program() else {
        println!("SKIPPED: no victoria-metrics here; scripts/setup.sh test fetches it");
        return None;
    };
    let victoria = Victoria::start(&program, name);
    let mut bench = Bench::new(Protocol::Http, Temporality::Cumulative);
    bench.histograms = form;
    let mut pushes = bench.push(|destination| {
        let url = format!("{}/opentelemetry/v1/metrics", victoria.base);
        destination.url = url.parse().expect("a URL");
        destination.compression = compression;
        destination.timeout = Duration::from_secs(5);
    });
    pushes.wait_for("many pushes", |pushes| pushes.total("exports_total") >= 40.0);
    bench.world.settle();
    pushes.end();
    assert_eq!((pushes.total("failures_total"), pushes.total("rejected_points_total")), (0.0, 0.0));
    let snapshot = pushes.hub.latest().expect("the last push had one");
    victoria.get("/internal/force_flush", &[]);
    Some((victoria, Snapshot::clone(&snapshot)))
}

/// (command, range, value) of what the snapshot has of a metric. What has ended is not in it.
fn scraped(
    snapshot: &Snapshot,
    metric: &'static Metric,
    value: impl Fn(&Value) -> Option<f64>,
) -> Vec<(String, String, f64)> {
    let family = snapshot.families.iter().find(|family| family.metric == metric).expect("a family");
    let command = |series: &kernel_exporter::snapshot::Series| {
        series.labels.get(&keys::COMMAND).unwrap_or_default().to_owned()
    };
    let samples = family.series.iter();
    let mut samples: Vec<_> =
        samples.filter_map(|series| Some((command(series), String::new(), value(&series.value)?))).collect();
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(samples.len() > 2);
    samples
}

fn histogram(value: &Value) -> &HistogramValue {
    let Value::Histogram(value) = value else { panic!("no histogram: {value:?}") };
    value
}

fn seconds(value: u128) -> f64 {
    value as f64 / 1e9
}

fn assert_counters_and_counts(victoria: &Victoria, snapshot: &Snapshot) {
    let counter = |unit: f64| {
        move |value: &Value| match value {
            Value::Counter(value) => Some(*value as f64 / unit),
            other => panic!("no counter: {other:?}"),
        }
    };
    let level = |value: &Value| match value {
        Value::Gauge(value) => Some(*value as f64),
        other => panic!("no gauge: {other:?}"),
    };
    // What was taken can be seen a moment later.
    let begun = Instant::now();
    let expected = scraped(snapshot, &CPU, counter(1e9));
    while victoria.query("test_cpu_time_seconds_total", snapshot) != expected
        && begun.elapsed() < Duration::from_secs(15)
    {
        thread::sleep(Duration::from_millis(100));
    }
    let is = |query: &str| victoria.query(query, snapshot);
    let living = |query: &str| victoria.living(query, snapshot);
    assert_eq!(is("test_cpu_time_seconds_total"), expected);
    assert_eq!(is("test_switches_total"), scraped(snapshot, &SWITCHES, counter(1.0)));
    assert_eq!(is("test_level"), scraped(snapshot, &LEVEL, level));
    let count = |value: &Value| Some(histogram(value).count() as f64);
    assert_eq!(living("test_latency_seconds_count"), scraped(snapshot, &LATENCY, count));
    let sum = |value: &Value| Some(seconds(histogram(value).sum));
    assert_eq!(living("test_latency_seconds_sum"), scraped(snapshot, &LATENCY, sum));
    assert_eq!(is("count(kernel_exporter_reads_total)")[0].2, 1.0, "the exporter's own metrics go along");
}

#[test]
fn exponential_histograms_and_counters_arrive_to_the_unit() {
    let Some((victoria, snapshot)) = pushed("exponential", HistogramForm::Exponential, Compression::Gzip)
    else {
        return;
    };
    assert_counters_and_counts(&victoria, &snapshot);
    // Every bucket, by its upper bound, which is shown with four digits.
    let mut expected: Vec<(String, f64, f64)> = Vec::new();
    let family = snapshot.families.iter().find(|family| family.metric == &LATENCY).expect("a family");
    for series in &family.series {
        let native = histogram(&series.value).exponential(Kind::Durations, 3);
        let command = series.labels.get(&keys::COMMAND).unwrap_or_default();
        let buckets =
            native.buckets.iter().map(|(index, samples)| (f64::exp2(f64::from(*index) / 8.0), *samples));
        let zero = (native.zero_threshold, native.zero_count);
        let buckets = [zero].into_iter().chain(buckets).filter(|(_, samples)| *samples > 0);
        expected.extend(buckets.map(|(bound, samples)| (command.to_owned(), bound, samples as f64)));
    }
    let mut found: Vec<(String, f64, f64)> = victoria
        .living("test_latency_seconds_bucket > 0", &snapshot)
        .into_iter()
        .map(|(command, range, samples)| {
            let upper = range.split("...").nth(1).and_then(|upper| upper.parse().ok());
            (command, upper.unwrap_or_else(|| panic!("no range: {range}")), samples)
        })
        .collect();
    let in_order = |a: &(String, f64, f64), b: &(String, f64, f64)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1));
    // Ranges of a series that has ended stay there when the same labels begin anew. The fold never ends.
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-3;
    found.retain(|(command, bound, _)| {
        command == FOLD || expected.iter().any(|expected| expected.0 == *command && near(expected.1, *bound))
    });
    assert!(found.iter().filter(|(command, ..)| command == FOLD).count() > 20);
    expected.sort_by(in_order);
    found.sort_by(in_order);
    assert_eq!(found.len(), expected.len(), "{found:?}\n{expected:?}");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!((&found.0, found.2), (&expected.0, expected.2));
        assert!(near(found.1, expected.1), "{found:?} is not {expected:?}");
    }
}

#[test]
fn explicit_histograms_have_the_classic_bounds() {
    let Some((victoria, snapshot)) = pushed("explicit", HistogramForm::Explicit, Compression::None) else {
        return;
    };
    assert_counters_and_counts(&victoria, &snapshot);
    for exponent in -20..=6 {
        let bound = f64::exp2(f64::from(exponent));
        let below = |value: &Value| {
            let native = histogram(value).exponential(Kind::Durations, 0);
            let buckets = native.buckets.iter().filter(|(index, _)| *index <= exponent);
            Some((native.zero_count + buckets.map(|(_, samples)| samples).sum::<u64>()) as f64)
        };
        let expected = scraped(&snapshot, &LATENCY, below);
        let mut found = victoria.living(&format!("test_latency_seconds_bucket{{le=\"{bound}\"}}"), &snapshot);
        found.iter_mut().for_each(|sample| sample.1.clear());
        assert_eq!(found, expected, "up to {bound}");
    }
}
