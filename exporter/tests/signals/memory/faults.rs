//! Page faults for which something had to be read.

use std::mem;

use super::{config, is_missing, setting::*};
use crate::{accuracy::within, harness::*};

const FAULTS: &str = "system_paging_faults_total";
const LATENCY: &str = "kernel_memory_major_fault_duration_seconds";

/// Major faults of this process so far.
fn own_major_faults() -> u64 {
    // SAFETY: all zeroes is a valid structure, and there is room for one.
    unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0);
        usage.ru_majflt as u64
    }
}

/// What the kernel counts, and the exporter, which is read between two readings of the kernel's.
struct Readings {
    first: u64,
    scrape: Scrape,
    second: u64,
}

impl Readings {
    fn take(exporter: &Exporter, read: impl Fn() -> u64) -> Self {
        let first = read();
        let scrape = exporter.scrape();
        Self { first, scrape, second: read() }
    }
}

/// Does `work` and compares a counter of the whole machine.
fn compare(
    exporter: &Exporter,
    name: &str,
    labels: &[(&str, &str)],
    read: impl Fn() -> u64,
    work: impl FnOnce(),
) -> Between {
    let before = Readings::take(exporter, &read);
    work();
    let after = Readings::take(exporter, &read);
    let truth = after.first - before.second..=after.second - before.first;
    let between = Between { before: before.scrape, after: after.scrape };
    within(&format!("{name}{labels:?}"), "/proc/vmstat", between.count(name, labels), truth);
    between
}

/// Latencies of a cgroup's major faults, against what its only process and the kernel have counted.
fn compare_latency(between: &Between, bounded: &Bounded, source: &str, lost: &str, own: u64, major: u64) {
    let labels = [("memory_major_fault_source", source), ("cgroup", &*bounded.cgroup.path)];
    let counted = between.count(&format!("{LATENCY}_count"), &labels);
    if is_missing(&between.after, lost) {
        assert!(!in_vm(), "these kernels have what it takes");
        assert_eq!(counted, 0);
        return;
    }
    let metric = format!("{LATENCY}_count{{memory_major_fault_source=\"{source}\"}}");
    // The cgroup's count is behind up to 5.11: what a CPU has counted is added to it when there is more of it. The process'
    // own has faults in it that were tried again because the page was being read for another one.
    within(&metric, "memory.stat pgmajfault, ru_majflt", counted, major..=own.max(major));
    assert!(between.nanoseconds(&format!("{LATENCY}_sum"), &labels) > counted * 1000, "a disk is slower");
}

#[test]
fn major_faults_are_as_many_as_pages_that_are_touched_first() {
    const PAGES: usize = 2_000;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(", major_fault_latency: true"));
    let disk = Disk::with(16);
    disk.cool();
    let bounded = Bounded::make("faults", 64);
    let mut worker = Worker::spawn(
        "touches",
        &bounded.cgroup,
        || {},
        |job| {
            let mapping = Mapping::of(&disk.file, PAGES * PAGE);
            let before = own_major_faults();
            mapping.read_all();
            job.set(0, own_major_faults() - before);
        },
    );
    let major = || bounded.number("memory.stat", "pgmajfault");
    let before = major();
    let labels = [("system_paging_fault_type", "major")];
    let between = compare(&exporter, FAULTS, &labels, || vmstat("pgmajfault"), || worker.work());
    let faults = between.count(FAULTS, &labels);
    assert!(worker.get(0) >= PAGES as u64 * 9 / 10, "{} of {PAGES} pages were cold", worker.get(0));
    assert!(faults >= worker.get(0), "{faults} on the whole machine, {} of the worker", worker.get(0));
    let lost = "how long major page faults of files take";
    compare_latency(&between, &bounded, "file", lost, worker.get(0), major() - before);
}

#[test]
fn minor_faults_are_the_others() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(""));
    let minor = || {
        // The other way round, a major fault in between would count as less than none.
        let major = vmstat("pgmajfault");
        vmstat("pgfault") - major
    };
    let labels = [("system_paging_fault_type", "minor")];
    let work = || Mapping::anonymous(16 * MIB).write_all();
    let between = compare(&exporter, FAULTS, &labels, minor, work);
    assert!(between.count(FAULTS, &labels) >= (16 * MIB / PAGE) as u64);
}

#[test]
fn pages_that_are_swapped_out_come_back() {
    const OPERATIONS: &str = "system_paging_operations_total";
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(", major_fault_latency: true"));
    let _swap = Swap::on(96);
    let bounded = Bounded::make("swap", 24);
    let mut worker = Worker::spawn(
        "swaps",
        &bounded.cgroup,
        || {},
        |job| {
            let mapping = Mapping::anonymous(64 * MIB);
            let before = own_major_faults();
            mapping.write_all();
            mapping.read_all();
            job.set(0, own_major_faults() - before);
        },
    );
    let major = || bounded.number("memory.stat", "pgmajfault");
    let before = major();
    let [into, out] = ["in", "out"].map(|direction| [("system_paging_direction", direction)]);
    let mut between = None;
    compare(
        &exporter,
        OPERATIONS,
        &out,
        || vmstat("pswpout"),
        || {
            between = Some(compare(&exporter, OPERATIONS, &into, || vmstat("pswpin"), || worker.work()));
        },
    );
    let between = between.expect("it was compared");
    let least = (24 * MIB / PAGE) as u64;
    for direction in [into, out] {
        let pages = between.count(OPERATIONS, &direction);
        assert!(pages >= least, "{pages} pages {direction:?}");
    }
    let lost = "how long major page faults of what is in swap take";
    compare_latency(&between, &bounded, "swap", lost, worker.get(0), major() - before);
    assert!(worker.get(0) > 100, "only {} major faults", worker.get(0));
}
