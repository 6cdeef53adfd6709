//! What a scrape takes as a scraper sees it: over the loopback, uncompressed, with a real exporter that reads
//! real cgroups. Run as root: `make bench`, or `cargo bench --bench scrape`.
//!
//! Each cgroup gets a process that is busy for a moment, and so series of its own. The exporter shares reads
//! among scrapes that come within 50 ms; scrapes here keep that distance, so each one reads the maps. CPU is
//! the exporter's own time per scrape, which says more than the clock does when the machine is busy.

#[path = "../tests/prometheus/cgroup.rs"]
mod cgroup;
#[path = "../tests/prometheus/exporter.rs"]
mod exporter;
#[path = "../tests/prometheus/http.rs"]
mod http;

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use cgroup::Cgroup;
use exporter::Exporter;
use kernel_exporter::prometheus::Format;

/// A name, a config, and how many lines of text are aimed at, beside those that are there anyway.
const CASES: [(&str, &str, usize); 5] = [
    ("defaults", "", 0),
    ("everything on", EVERYTHING, 0),
    ("much room", MUCH_ROOM, 0),
    ("much room", MUCH_ROOM, 10_000),
    ("much room", MUCH_ROOM, 100_000),
];

const EVERYTHING: &str = "collectors: {syscalls: {enabled: true}, tcp: {round_trips: true}, \
                          memory: {major_fault_latency: true, page_cache: true}}\n";

const MUCH_ROOM: &str = "limits: {slots: 4096, label_sets: 1000000, label_sets_per_metric: 100000}\n";

/// Lines that a cgroup adds: five histograms of 30, and three counters.
const LINES_PER_CGROUP: usize = 153;

const SCRAPES: usize = 100;

/// Longer than scrapes share a read.
const PAUSE: Duration = Duration::from_millis(60);

fn main() {
    // `cargo test --benches` runs this too, without asking for measurements.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mount = Cgroup::root().expect("cgroups");
    println!(
        "| config | lines | format | kB | median ms | p99 ms | CPU ms | RssAnon MB |\n|---|---|---|---|---|---|---|---|"
    );
    for (name, config, lines) in CASES {
        let exporter = Exporter::start(config);
        let parent = Cgroup::new(&mount, format!("kernel-exporter-bench-{lines}")).expect("a cgroup");
        let cgroups: Vec<Cgroup> = (0..lines / LINES_PER_CGROUP)
            .map(|number| {
                let cgroup = Cgroup::new(parent.path(), format!("service-{number}")).expect("a cgroup");
                be_busy_in(&cgroup);
                cgroup
            })
            .collect();
        for format in Format::ALL {
            measure(name, &exporter, format);
        }
        drop(cgroups);
    }
}

/// Runs a short process in a cgroup.
fn be_busy_in(cgroup: &Cgroup) {
    let script = "read go; i=0; while [ $i -lt 500 ]; do i=$((i + 1)); done; sleep 0.001";
    let mut process =
        Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().expect("there is a shell");
    cgroup.take(process.id()).expect("moved");
    drop(process.stdin.take());
    process.wait().expect("it ends");
}

/// Prints a line of the table.
fn measure(name: &str, exporter: &Exporter, format: Format) {
    let mut client = exporter.connect();
    let accept = format.content_type().replace(' ', "");
    let headers = [("Accept", accept.as_str()), ("Accept-Encoding", "identity")];
    let mut times = Vec::new();
    let mut bytes = 0;
    client.ask("GET", "/metrics", &headers);
    let cpu_before = cpu_seconds(exporter);
    for _ in 0..SCRAPES {
        thread::sleep(PAUSE);
        let begun = Instant::now();
        let response = client.ask("GET", "/metrics", &headers);
        let took = begun.elapsed().as_secs_f64() * 1e3;
        assert_eq!((response.status, response.header("content-type")), (200, Some(format.content_type())));
        bytes = response.body.len();
        times.push(took);
    }
    let cpu = (cpu_seconds(exporter) - cpu_before) * 1e3 / SCRAPES as f64;
    times.sort_by(f64::total_cmp);
    println!(
        "| {name} | {} | {} | {} | {:.2} | {:.2} | {cpu:.2} | {:.1} |",
        exporter.text().lines().filter(|line| !line.starts_with('#')).count(),
        format.name(),
        bytes / 1000,
        times[times.len() / 2],
        times[(times.len() * 99).div_ceil(100) - 1],
        exporter.anonymous_memory() as f64 / 1e6,
    );
}

/// CPU time of all threads that the exporter has.
fn cpu_seconds(exporter: &Exporter) -> f64 {
    let threads = fs::read_dir(format!("/proc/{}/task", exporter.id())).expect("it lives");
    let nanoseconds = threads.map(|thread| {
        let path = thread.expect("readable").path().join("schedstat");
        let line = fs::read_to_string(path).expect("the kernel keeps it");
        line.split(' ').next().and_then(|time| time.parse::<u64>().ok()).expect("a number")
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}
