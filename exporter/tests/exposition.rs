//! Golden files: every format, byte by byte, for one snapshot with everything that is hard to write.
//!
//! `UPDATE_GOLDEN=1 cargo test --test exposition` writes the files anew; look at the difference.

use std::{
    env, fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use kernel_exporter::{
    catalogue::{Fold, Kind, Metric, Unit, keys},
    prometheus::{Exposition, ExpositionOptions, Format, Own},
    snapshot::{Edition, Family, HistogramValue, Labels, Series, Snapshot, Value, text},
};
use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry, proto::MetricFamily};
use protobuf::{CodedInputStream, text_format};

static LATENCY: Metric = Metric {
    name: "kernel.test.latency",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time with a \"quote\", a \\ and\na new line",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::OPERATION],
    source: "nowhere",
};

static SIZE: Metric = Metric {
    name: "kernel.test.size",
    kind: Kind::Sizes,
    unit: Unit::Bytes,
    help: "Sizes",
    identity: &[],
    attributes: &[],
    source: "nowhere",
};

static CPU: Metric = Metric {
    name: "process.cpu.time",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    help: "CPU time",
    identity: &[&keys::COMMAND],
    attributes: &[],
    source: "nowhere",
};

static SWITCHES: Metric = Metric {
    name: "process.context_switches",
    kind: Kind::Counter,
    unit: Unit::Things("context_switch"),
    help: "Context switches",
    identity: &[],
    attributes: &[&keys::SWITCH_TYPE],
    source: "nowhere",
};

static LEVEL: Metric = Metric {
    name: "kernel.test.level",
    kind: Kind::Gauge,
    unit: Unit::Things("thing"),
    help: "A level",
    identity: &[],
    attributes: &[],
    source: "nowhere",
};

static UNUSED: Metric = Metric {
    name: "kernel.test.unused",
    kind: Kind::Counter,
    unit: Unit::Things("thing"),
    help: "Without series, and so not shown",
    identity: &[],
    attributes: &[],
    source: "nowhere",
};

fn series(labels: Labels, value: Value) -> Series {
    Series { labels, start: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250), value }
}

fn histogram(buckets: &[(u16, u64)], sum: u128) -> Value {
    Value::Histogram(Arc::new(HistogramValue { buckets: buckets.to_vec(), sum }))
}

fn snapshot() -> Snapshot {
    let command = |name: &[u8]| Labels::new([(&keys::COMMAND, text(name).as_str())]);
    let Fold::As(fold) = keys::COMMAND.fold else { panic!("commands are folded") };
    let latencies = vec![
        series(
            Labels::new([(&keys::CGROUP, "/a \"b\" \\ c\nd"), (&keys::OPERATION, "read")]),
            // The zero bucket, one on a bound, a run, a gap, one above the last bound.
            histogram(&[(0, 1), (32, 2), (33, 3), (34, 4), (100, 5), (300, 6)], 1_234_567_890_123),
        ),
        series(
            Labels::new([(&keys::CGROUP, "(all other cgroups)"), (&keys::OPERATION, "read")]),
            histogram(&[], 0),
        ),
    ];
    let times = vec![
        series(command(b"bash"), Value::Counter(1_500_000_000)),
        series(command(b"\xff\xfe caf\xc3\xa9"), Value::Counter(1)),
        series(command(b"x".repeat(4000).as_slice()), Value::Counter(u64::MAX)),
        series(command(fold.as_bytes()), Value::Counter(0)),
    ];
    let switch = |kind| Labels::new([(&keys::SWITCH_TYPE, kind)]);
    let families = [
        (&LATENCY, latencies),
        (&SIZE, vec![series(Labels::new([]), histogram(&[(72, 1), (73, 2), (256, 4)], 1 << 33))]),
        (&CPU, times),
        (
            &SWITCHES,
            vec![
                series(switch("voluntary"), Value::Counter(u64::MAX)),
                series(switch("involuntary"), Value::Counter(1_000_000)),
            ],
        ),
        (&UNUSED, vec![]),
        (&LEVEL, vec![series(Labels::new([]), Value::Gauge(-3))]),
    ];
    Snapshot {
        taken: SystemTime::UNIX_EPOCH,
        edition: Edition::default(),
        families: families.into_iter().map(|(metric, series)| Family { metric, series }).collect(),
    }
}

/// Stands for the exporter's own metrics.
fn own() -> Vec<MetricFamily> {
    let registry = Registry::new();
    let failures = IntCounterVec::new(Opts::new("own_failures_total", "Failures"), &["why"]).expect("valid");
    failures.with_label_values(&["a \"quote\""]).inc_by(3);
    let build =
        IntGauge::with_opts(Opts::new("own_build_info", "Build").const_label("version", "1")).expect("valid");
    build.set(1);
    let durations =
        HistogramOpts::new("own_duration_seconds", "Durations").buckets(vec![f64::exp2(-14.0), 1.0]);
    let durations = Histogram::with_opts(durations).expect("valid");
    durations.observe(0.5);
    durations.observe(2.0);
    registry.register(Box::new(failures)).expect("new");
    registry.register(Box::new(build)).expect("new");
    registry.register(Box::new(durations)).expect("new");
    registry.gather()
}

fn encoded(options: &ExpositionOptions, format: Format) -> Vec<u8> {
    Exposition::new(options)
        .encode(format, &snapshot(), &Own { registered: own(), told: Vec::new() })
        .expect("families have names")
}

/// Compares with the file, or writes it.
fn assert_golden(file: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, content).expect("the golden file can be written");
    }
    let golden = fs::read_to_string(&path).expect("the golden file is there");
    for (number, (is, should)) in content.lines().zip(golden.lines()).enumerate() {
        assert_eq!(is, should, "line {} of {file}", number + 1);
    }
    assert_eq!(content.len(), golden.len(), "the end of {file}");
}

fn assert_golden_text(file: &str, options: &ExpositionOptions, format: Format) {
    assert_golden(file, &String::from_utf8(encoded(options, format)).expect("text"));
}

#[test]
fn text_0_0_4() {
    assert_golden_text("exposition.txt", &ExpositionOptions::default(), Format::Text);
}

#[test]
fn openmetrics() {
    assert_golden_text("exposition.openmetrics", &ExpositionOptions::default(), Format::OpenMetrics);
}

#[test]
fn without_classic_buckets() {
    let options = ExpositionOptions { classic: false, ..ExpositionOptions::default() };
    assert_golden_text("without-classic.txt", &options, Format::Text);
}

/// Decoded, because the order of fields in the bytes belongs to the library; fields that its messages do not
/// know have numbers instead of names.
#[test]
fn protobuf() {
    let body = encoded(&ExpositionOptions { scale: 1, ..ExpositionOptions::default() }, Format::Protobuf);
    let mut stream = CodedInputStream::from_bytes(&body);
    let mut decoded = String::new();
    while !stream.eof().expect("readable") {
        let family: MetricFamily = stream.read_message().expect("a delimited message");
        decoded.push_str(&text_format::print_to_string_pretty(&family));
        decoded.push('\n');
    }
    assert_golden("exposition.protobuf.txt", &decoded);
}

/// `le` is the same bytes in both text formats, and what Prometheus makes of the protobuf's floats.
#[test]
fn bounds_are_the_same_everywhere() {
    let bounds = |format| {
        let text = String::from_utf8(encoded(&ExpositionOptions::default(), format)).expect("text");
        text.lines()
            .filter_map(|line| Some(line.split_once("le=\"")?.1.split_once('"')?.0.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(bounds(Format::Text), bounds(Format::OpenMetrics));
    assert!(bounds(Format::Text).iter().all(|le| le == "+Inf" || le.contains(['.', 'e'])));
}
