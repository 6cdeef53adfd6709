//! Cgroups and processes that come and go leave nothing behind but their increments.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{
    forms::{Subject, tag},
    harness::*,
    nest::Nest,
    seen::{Seen, is_ours},
};

/// Emulated machines take twenty milliseconds for a process.
fn cgroups_per_batch() -> u64 {
    if in_vm() { 5 } else { 10 }
}

const PROCESSES_PER_CGROUP: u64 = 10;

/// After these all slots have been used once, and what the exporter keeps per slot is there for good.
const WARM_UP: u64 = 12;

/// What the heap may grow by after the warm-up, however long the run. Ten thousand cgroups take half a megabyte, all
/// of it in the first seven thousand; and where the heap is small, the allocator gives back 1.4 MB at one time and
/// not at another.
const GROWTH: u64 = 2 << 20;

/// The shortest run.
const BATCHES_AT_LEAST: u64 = 16;

const SCHEDULER: &str = "kernel_scheduler_context_switches_total";
const PROCESS: &str = "process_context_switches_total";
const CPU: &str = "process_cpu_time_seconds_total";

/// How long to go on.
struct Length {
    batches: u64,
    time: Duration,
}

impl Length {
    /// `make soak` says for how many minutes in KERNEL_EXPORTER_SOAK_MINUTES, and it is then at least ten thousand
    /// cgroups and a hundred thousand processes. Else as many as fit into a short time.
    fn of_this_run() -> Self {
        let minutes = std::env::var("KERNEL_EXPORTER_SOAK_MINUTES").ok();
        match minutes.and_then(|minutes| minutes.parse::<u64>().ok()) {
            Some(minutes) => Self {
                batches: 10_000_u64.div_ceil(cgroups_per_batch()),
                time: Duration::from_secs(60 * minutes),
            },
            None => {
                Self { batches: BATCHES_AT_LEAST, time: Duration::from_secs(if in_vm() { 0 } else { 25 }) }
            }
        }
    }
}

/// What must not grow.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Memory that is the exporter's own: neither files nor maps of the kernel's.
    heap: u64,
    /// What the kernel charges for the exporter's maps.
    maps: u64,
    /// Label sets that are shown, dead ones included.
    label_sets: u64,
    slots: u64,
}

impl Size {
    fn of(exporter: &Exporter, scrape: &Scrape) -> Self {
        let status = fs::read_to_string(format!("/proc/{}/status", exporter.pid())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("since Linux 4.5");
        Self {
            heap: line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10,
            maps: maps_of(exporter.pid()),
            label_sets: scrape.sum("kernel_exporter_label_sets", &[("state", "shown")]),
            slots: scrape.sum("kernel_exporter_slots_used", &[("family", "sched")]),
        }
    }
}

/// Kernel memory of the maps to which a process has descriptors.
fn maps_of(pid: libc::pid_t) -> u64 {
    let folder = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("it lives").flatten();
    let about = folder.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    about
        .filter(|about| about.contains("map_id:"))
        .filter_map(|about| {
            about.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse::<u64>().ok())
        })
        .sum()
}

/// Docker's containers, one after the other, each with ten processes of a moment. With the parent of all these
/// processes they are all that is ours, and the sum over it is what the parent's and the children's `/proc` entries
/// say, although every child moves in the middle of its life. (A series that has ended counts with its last
/// value: the exporter keeps it until two scrapes carried it.) Meanwhile the exporter's memory, its maps and
/// its label sets stay as large as they were, and after the time to linger, slots and series are where they began.
#[test]
fn thousands_leave_only_their_increments() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(
        "limits: {slots: 256, linger: 10s, label_sets_per_metric: 100000, label_sets: 1000000}\n\
         kubernetes: {source: off}\n",
    );
    let mut nest = Nest::default();
    // Stays, so that the containers find their parent.
    let first = nest.make(&docker(0).path);
    let parent = nest.make(&format!("/soak-{}", tag()));
    let mut number = 1;
    let mut worker = Worker::spawn(
        "identity",
        &parent,
        || {},
        |job| {
            for _ in 0..cgroups_per_batch() {
                let cgroup = Cgroup::alone_at(&docker(number).path);
                number += 1;
                let child = fork(|| {
                    cgroup.enter();
                    for _ in 1..PROCESSES_PER_CGROUP {
                        let child = fork(|| busy(Duration::from_micros(100)));
                        add(job, end_of(child).leader);
                    }
                });
                add(job, end_of(child).leader);
            }
        },
    );
    let mut seen = Seen::only(&[SCHEDULER, PROCESS, CPU]);
    let before = exporter.scrape();
    seen.take(&before);
    let own = Counts::of_process(worker.pid);
    let sums = |seen: &Seen| {
        [(SCHEDULER, "type"), (PROCESS, "process_context_switch_type")].map(|(name, label)| {
            ["voluntary", "involuntary"].map(|kind| seen.total(name, &[(label, kind)]) as u64)
        })
    };
    let (sums_before, cpu_before) = (sums(&seen), seen.total(CPU, &[]));
    let series = |scrape: &Scrape| scrape.samples.keys().filter(|(_, labels)| is_ours(labels)).count();

    let (length, begin) = (Length::of_this_run(), Instant::now());
    let (mut batches, mut early) = (0, None);
    let mut late = Vec::new();
    while batches < length.batches || begin.elapsed() < length.time {
        worker.work();
        let scrape = exporter.scrape();
        seen.take(&scrape);
        batches += 1;
        if batches == WARM_UP {
            early = Some(Size::of(&exporter, &scrape));
        } else if batches > WARM_UP {
            late.push(Size::of(&exporter, &scrape));
        }
        if batches % 16 == 0 {
            println!("{batches} batches in {:?}: {:?}", begin.elapsed(), Size::of(&exporter, &scrape));
        }
    }
    let truth = Counts::of_process(worker.pid) - own + worker.counts();
    let mut after = exporter.scrape();
    wait_for("the series of removed cgroups end", || {
        after = exporter.scrape();
        seen.take(&after);
        series(&after) == series(&before)
    });
    let (early, latest) = (early.expect("longer than that"), *late.last().expect("longer than that"));
    println!(
        "{} cgroups and {} processes in {:?}: {early:?} after {WARM_UP} batches, {latest:?} after {batches}",
        batches * cgroups_per_batch(),
        batches * cgroups_per_batch() * PROCESSES_PER_CGROUP,
        begin.elapsed(),
    );

    let increases = sums(&seen);
    for (sums, before) in increases.iter().zip(sums_before) {
        assert_eq!([sums[0] - before[0], sums[1] - before[1]], [truth.voluntary, truth.involuntary]);
    }
    let cpu = (seen.total(CPU, &[]) - cpu_before) * 1e9;
    assert!((cpu - truth.cpu_ns as f64).abs() < 1e-6 * cpu, "{cpu} ns, in truth {} ns", truth.cpu_ns);

    // A host's other cgroups come and go too; hundreds of ours would show.
    let others = if in_vm() { 0 } else { 32 };
    let slots = before.sum("kernel_exporter_slots_used", &[("family", "sched")]);
    assert!(Size::of(&exporter, &after).slots <= slots + others, "{slots} slots at first, then {latest:?}");
    for size in &late {
        assert_eq!(size.maps, early.maps, "the kernel's memory grew");
        assert!(size.heap < early.heap + GROWTH, "the heap grew: {early:?}, then {size:?}");
        assert!(size.label_sets * 4 <= early.label_sets * 5, "label sets grew: {early:?}, then {size:?}");
    }
    drop((worker, first));
}

/// A container of Docker's without systemd.
fn docker(number: u64) -> Subject {
    Subject::new((5000 + number) * 15 + 7)
}

/// Adds to the sum over all children.
fn add(job: &Job, counts: Counts) {
    let sum = [0, 1, 2, 3].map(|cell| job.get(cell));
    let [voluntary, involuntary, cpu_ns, run_queue_ns] = sum;
    job.set_counts(Counts { voluntary, involuntary, cpu_ns, run_queue_ns } + counts);
}
