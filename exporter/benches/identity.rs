//! What it takes to know five thousand cgroups: to name them all at start, and to read the maps when each of them
//! has a slot. Run as root: `make bench`, or `cargo bench --bench identity`.
//!
//! The cgroups are real ones in all forms that runtimes make. A process goes through all of them and sleeps in
//! each, so that each has something to be read.

#[expect(dead_code, reason = "tests need more of it")]
#[path = "../tests/identity/forms.rs"]
mod forms;
#[expect(dead_code, unused_imports, reason = "tests need more of it")]
#[path = "../tests/harness/mod.rs"]
mod harness;
#[expect(dead_code, reason = "tests need more of it")]
#[path = "../tests/identity/nest.rs"]
mod nest;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    time::{Duration, Instant},
};

use forms::Subject;
use harness::*;
use kernel_exporter::{
    config::{By, Config},
    engine::Engine,
    entities::{cgroups::Cgroups, identity::Identities, kubernetes::Pods},
    kernel::host::Hierarchy,
};
use nest::Nest;

const CGROUPS: u64 = 5_000;
const STARTS: usize = 5;
const BUSY_READS: usize = 5;
const IDLE_READS: usize = 50;

const CONFIG: &str = "
limits: {slots: 8192, label_sets_per_metric: 100000, label_sets: 1000000}
kubernetes: {source: off}
";

fn main() {
    // `cargo test --benches` runs this too, without asking for measurements.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Some(_turn) = turn() else { return };
    let mut nest = Nest::default();
    let home = nest.make(&format!("/bench-{}", forms::tag()));
    let cgroups: Vec<Cgroup> = (0..CGROUPS).map(|number| nest.make(&Subject::new(number).path)).collect();
    println!("| what | cgroups | median ms | longest ms |\n|---|---|---|---|");
    name_all(&cgroups);

    let wander = || {
        for cgroup in &cgroups {
            cgroup.enter();
            std::thread::sleep(Duration::from_micros(1));
        }
        home.enter();
    };
    let mut worker = Worker::spawn("bench", &home, || {}, |_| wander());
    read_all(&mut worker);
}

/// A walk through the tree, and the labels of everybody in it.
fn name_all(cgroups: &[Cgroup]) {
    let hierarchy = Hierarchy::of_this_host().expect("cgroups are there");
    let id = |cgroup: &Cgroup| fs::metadata(mount().join(&cgroup.path[1..])).expect("it is there").ino();
    let ids: Vec<u64> = cgroups.iter().map(id).collect();
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begin = Instant::now();
        let mut identities = Identities::new(Cgroups::start(None, &hierarchy), Pods::off());
        let labels: BTreeSet<_> = ids.iter().map(|id| identities.who(*id).labels(By::Container)).collect();
        times.push(begin.elapsed());
        assert_eq!(labels.len(), cgroups.len(), "everybody has a name of his own");
    }
    print("naming all at start", &mut times);
}

/// Reads of the maps up to the snapshot, when everybody has done something since the last and when hardly
/// anybody has.
fn read_all(worker: &mut Worker) {
    let config = Config::from_yaml("bench", CONFIG.as_bytes()).expect("valid");
    let mut engine = Engine::start(&config, Pods::off()).expect("root may load programs");
    let mut read = || {
        let begin = Instant::now();
        let snapshot = engine.read();
        (begin.elapsed(), snapshot)
    };
    worker.work();
    let (_, snapshot) = read();
    let series: usize = snapshot.families.iter().map(|family| family.series.len()).sum();
    assert!(series as u64 > CGROUPS, "{series} series");
    drop(snapshot);
    let mut busy: Vec<Duration> = (0..BUSY_READS)
        .map(|_| {
            worker.work();
            read().0
        })
        .collect();
    print("a read, all active", &mut busy);
    let mut idle: Vec<Duration> = (0..IDLE_READS).map(|_| read().0).collect();
    print("a read, all idle", &mut idle);
    let report = engine.report();
    let report = report.lock().expect("no panic");
    let maps: u64 = report.families.iter().flat_map(|family| &family.maps).map(|(_, bytes)| *bytes).sum();
    let status = fs::read_to_string("/proc/self/status").expect("it lives");
    let heap = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("since Linux 4.5");
    println!("\n{series} series; maps in the kernel {:.1} MB; RssAnon {}", maps as f64 / 1e6, heap.trim());
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort();
    let [median, longest] =
        [times[times.len() / 2], times[times.len() - 1]].map(|time| time.as_secs_f64() * 1e3);
    println!("| {what} | {CGROUPS} | {median:.2} | {longest:.2} |");
}
