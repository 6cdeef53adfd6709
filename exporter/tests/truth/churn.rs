//! Cgroups that come and go leave nothing behind but their increments.

use std::{collections::BTreeMap, fs, time::Duration};

use crate::harness::*;

const PER_BATCH: u64 = 50;

/// After these all slots have been used once, and what the exporter keeps per slot is there for good.
const WARM_UP: u64 = 8;
const BATCHES: u64 = 24;

/// What the heap may grow by after that: 1 KiB for each cgroup, of which each had more than a dozen series.
const GROWTH: u64 = ((BATCHES - WARM_UP) * PER_BATCH) << 10;

/// More than a thousand cgroups, each with a process of a millisecond. With the parent of all these processes they form
/// a subtree, and the sum over it is what the parent's and the children's `/proc` entries say, although
/// every child moves in the middle of its life. (A series that has ended counts with its last value: the
/// exporter keeps it until two scrapes carried it.) After the time to linger, slots, series and heap are
/// where they were.
#[test]
fn a_thousand_cgroups_leave_only_their_increments() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(
        "limits: {slots: 256, linger: 10s, label_sets_per_metric: 100000, label_sets: 1000000}\n",
    );
    let parent = Cgroup::make("churn");
    let path = parent.path.as_str();
    let mut number = 0;
    let mut worker = Worker::spawn(
        "truth-churn",
        &parent,
        || {},
        |job| {
            for _ in 0..PER_BATCH {
                let cgroup = Cgroup::at(&format!("{path}/{number}"));
                number += 1;
                let child = fork(|| {
                    cgroup.enter();
                    busy(Duration::from_millis(1));
                });
                let counts = end_of(child).leader;
                job.set(0, job.get(0) + counts.voluntary);
                job.set(1, job.get(1) + counts.involuntary);
                job.set(2, job.get(2) + counts.cpu_ns);
                job.set(3, job.get(3) + counts.run_queue_ns);
            }
        },
    );
    let mut seen = BTreeMap::new();
    let mut look = |scrape: &Scrape| {
        let ours = scrape.samples.iter().filter(|((_, labels), _)| {
            labels
                .get("cgroup")
                .and_then(|cgroup| cgroup.strip_prefix(path))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let count = ours.clone().count();
        seen.extend(ours.map(|(name, value)| (name.clone(), *value)));
        count
    };
    let slots = |scrape: &Scrape| scrape.sum("kernel_exporter_slots_used", &[("family", "sched")]);

    let before = exporter.scrape();
    let series = look(&before);
    let own = Counts::of_process(worker.pid);
    let mut early = 0;
    for batch in 0..BATCHES {
        worker.work();
        look(&exporter.scrape());
        if batch == WARM_UP {
            early = heap(&exporter);
        }
    }
    let truth = Counts::of_process(worker.pid) - own + worker.counts();
    let mut after = exporter.scrape();
    wait_for("the series of removed cgroups end", || {
        after = exporter.scrape();
        look(&after) == series
    });

    let sum = |name: &str, label: &str, value: &str| -> f64 {
        let matches = |found: &str, labels: &BTreeMap<String, String>| {
            found == name && (label.is_empty() || labels.get(label).is_some_and(|has| has == value))
        };
        let last: f64 =
            seen.iter().filter(|((name, labels), _)| matches(name, labels)).map(|(_, value)| value).sum();
        let of_parent = [("cgroup", path)];
        let first = before.series(name, &of_parent).filter(|(labels, _)| matches(name, labels));
        last - first.map(|(_, value)| value).sum::<f64>()
    };
    let scheduler = "kernel_scheduler_context_switches_total";
    assert_eq!(sum(scheduler, "type", "voluntary") as u64, truth.voluntary);
    assert_eq!(sum(scheduler, "type", "involuntary") as u64, truth.involuntary);
    let process = "process_context_switches_total";
    assert_eq!(sum(process, "process_context_switch_type", "voluntary") as u64, truth.voluntary);
    assert_eq!(sum(process, "process_context_switch_type", "involuntary") as u64, truth.involuntary);
    let cpu = sum("process_cpu_time_seconds_total", "", "") * 1e9;
    assert!((cpu - truth.cpu_ns as f64).abs() < 1000.0, "{cpu} ns, in truth {} ns", truth.cpu_ns);

    // A host's other cgroups come and go too; a thousand of ours would show.
    let others = if in_vm() { 0 } else { 32 };
    assert!(slots(&after) <= slots(&before) + others, "{} slots, then {}", slots(&before), slots(&after));
    let late = heap(&exporter);
    assert!(late < early + GROWTH, "the heap grew from {early} to {late} bytes");
}

/// Memory that is the exporter's own: neither files nor maps of the kernel's.
fn heap(exporter: &Exporter) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.pid())).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("since Linux 4.5");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}
