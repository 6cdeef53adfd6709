//! What a scrape costs between the read and the socket: each format, and what it would cost to make messages
//! first and text from them.
//!
//! A line is a sample. Half of the lines are those of histograms (30 each: 27 bounds, `+Inf`, sum, count),
//! half are counters, all with four labels.

use std::{io::Write as _, sync::Arc, time::SystemTime};

use divan::{Bencher, counter::BytesCount};
use flate2::{Compression, write::GzEncoder};
use kernel_exporter::{
    catalogue::{Kind, Metric, Unit, keys},
    prometheus::{Exposition, ExpositionOptions, FamilyCollector, Format, Own},
    snapshot::{Edition, Family, HistogramValue, Labels, Series, Snapshot, Value},
};
use prometheus::core::Collector as _;

static LATENCY: Metric = Metric {
    name: "kernel.block.io.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time from issue to completion",
    identity: &[&keys::CGROUP, &keys::COMMAND],
    attributes: &[&keys::DEVICE, &keys::OPERATION],
    source: "nowhere",
};

static CPU: Metric = Metric {
    name: "process.cpu.time",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    help: "CPU time",
    identity: &[&keys::CGROUP, &keys::COMMAND],
    attributes: &[&keys::DEVICE, &keys::OPERATION],
    source: "nowhere",
};

const LINES: [usize; 3] = [1_000, 10_000, 100_000];
const LINES_PER_HISTOGRAM: usize = 30;

fn main() {
    divan::main();
}

fn snapshot(lines: usize) -> Snapshot {
    let now = SystemTime::now();
    let labels = |n: usize| {
        Labels::new([
            (&keys::CGROUP, format!("/system.slice/service-{n}.service").as_str()),
            (&keys::COMMAND, "postgres"),
            (&keys::DEVICE, "nvme0n1"),
            (&keys::OPERATION, "write"),
        ])
    };
    let histogram = |n: usize| {
        let buckets = (60..100).map(|number| (number, n as u64 + u64::from(number))).collect();
        Value::Histogram(Arc::new(HistogramValue { buckets, sum: 987_654_321_123 + n as u128 }))
    };
    let series = |n, value| Series { labels: labels(n), start: now, value };
    let histograms = (0..lines / 2 / LINES_PER_HISTOGRAM).map(|n| series(n, histogram(n))).collect();
    let counters = (0..lines / 2).map(|n| series(n, Value::Counter(123_456_789_123 * n as u64))).collect();
    Snapshot {
        taken: now,
        edition: Edition::default(),
        families: vec![
            Family { metric: &LATENCY, series: histograms },
            Family { metric: &CPU, series: counters },
        ],
    }
}

fn encode(bencher: Bencher, format: Format, lines: usize) {
    let exposition = Exposition::new(&ExpositionOptions::default());
    let snapshot = snapshot(lines);
    let encode = || exposition.encode(format, &snapshot, &Own::default()).expect("families have names");
    bencher.counter(BytesCount::new(encode().len())).bench_local(encode);
}

#[divan::bench(args = LINES)]
fn text(bencher: Bencher, lines: usize) {
    encode(bencher, Format::Text, lines);
}

#[divan::bench(args = LINES)]
fn openmetrics(bencher: Bencher, lines: usize) {
    encode(bencher, Format::OpenMetrics, lines);
}

#[divan::bench(args = LINES)]
fn protobuf(bencher: Bencher, lines: usize) {
    encode(bencher, Format::Protobuf, lines);
}

/// Messages of the whole snapshot, not sorted and not written yet: what text would have to begin with.
#[divan::bench(args = LINES)]
fn messages_only(bencher: Bencher, lines: usize) {
    let exposition = Exposition::new(&ExpositionOptions::default());
    let snapshot = snapshot(lines);
    bencher.bench_local(|| {
        let families = snapshot.families.iter();
        families.flat_map(|family| FamilyCollector::new(&exposition, family).collect()).collect::<Vec<_>>()
    });
}

#[divan::bench(args = LINES)]
fn gzip_of_text(bencher: Bencher, lines: usize) {
    let exposition = Exposition::new(&ExpositionOptions::default());
    let body =
        exposition.encode(Format::Text, &snapshot(lines), &Own::default()).expect("families have names");
    bencher.counter(BytesCount::new(body.len())).bench_local(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&body).and_then(|()| encoder.finish()).expect("a vector takes every byte")
    });
}
