//! Tasks that must make room themselves.

use std::{fs, time::Instant};

use super::{
    config, is_missing,
    setting::*,
    trace::{Event, Trace},
};
use crate::{accuracy::within, harness::*};

const STALLS: &str = "kernel_memory_stall_duration_seconds_count";
const STALLED: &str = "kernel_memory_stall_duration_seconds_sum";
const THROTTLED: &str = "kernel_memory_throttle_duration_seconds_sum";

/// A trace tells whole microseconds, and on both ends there is time between its clock and ours, more where who emulates a
/// CPU has to wait for one himself.
fn around(nanoseconds: u64, spans: u64) -> std::ops::RangeInclusive<u64> {
    let (each, once) = if in_vm() { (50_000, 20_000_000) } else { (5_000, 4_000_000) };
    let off = spans * each + once + nanoseconds / 20;
    nanoseconds.saturating_sub(off)..=nanoseconds + off
}

/// Compares stalls of a kind with what a trace tells of one task, which alone is in the cgroup.
fn compare(
    between: &Between,
    kind: &str,
    cgroup: &Cgroup,
    trace: &Trace,
    pid: libc::pid_t,
    event: &str,
) -> u64 {
    let labels = [("memory_stall_type", kind), ("cgroup", &*cgroup.path)];
    let (count, time) = trace.spans(pid, &format!("{event}_begin"), &format!("{event}_end"));
    let (stalls, stalled) = (between.count(STALLS, &labels), between.nanoseconds(STALLED, &labels));
    within(&format!("{STALLS}{{memory_stall_type=\"{kind}\"}}"), "a trace", stalls, count..=count);
    within(
        &format!("{STALLED}{{memory_stall_type=\"{kind}\"}}"),
        "a trace, ns",
        stalled,
        around(time, count),
    );
    assert!(count > 0, "no {kind}");
    stalled
}

#[test]
fn reclaim_at_a_limit_is_a_stall_of_its_cgroup() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(""));
    let disk = Disk::with(96);
    disk.cool();
    let bounded = Bounded::make("limit", 24);
    let mut worker = Worker::spawn(
        "reads",
        &bounded.cgroup,
        || {},
        |job| {
            let begin = Instant::now();
            disk.read(96 * MIB, 64 << 10);
            job.set(0, begin.elapsed().as_nanos() as u64);
        },
    );
    let events = ["vmscan/mm_vmscan_memcg_reclaim_begin", "vmscan/mm_vmscan_memcg_reclaim_end"];
    let trace = Trace::of(&events);
    let hits = || (bounded.number("memory.events", "max"), bounded.number("memory.stat", "pgsteal"));
    let (before, pressure) = (bounded.is_v2().then(hits), bounded.pressure_us());
    let (between, ()) = exporter.during(|| worker.work());
    let stalled =
        compare(&between, "memcg_reclaim", &bounded.cgroup, &trace, worker.pid, "mm_vmscan_memcg_reclaim");
    assert!(stalled < worker.get(0), "{stalled} ns of {}", worker.get(0));

    let labels = [("memory_stall_type", "memcg_reclaim"), ("cgroup", &*bounded.cgroup.path)];
    let stalls = between.count(STALLS, &labels);
    let pages = between.count("kernel_memory_reclaimed_pages_total", &labels);
    if let Some((max, stolen)) = before {
        let (max, stolen) = (hits().0 - max, hits().1 - stolen);
        // The kernel counts there also what it charges beyond the limit without making room, because it can't wait
        // (`try_charge_memcg` in mm/memcontrol.c).
        within(
            &format!("{STALLS}{{memory_stall_type=\"memcg_reclaim\"}}"),
            "memory.events max",
            stalls,
            max - max / 100 - 1..=max,
        );
        // Memory of the kernel's own is taken back as well.
        let truth = stolen..=stolen + stolen / 20 + 64;
        within("kernel_memory_reclaimed_pages_total", "memory.stat pgsteal", pages, truth);
    } else {
        // What was read and is not there any more. The limit is full, but not only with these pages.
        let (read, limit) = ((96 * MIB / PAGE) as u64, (24 * MIB / PAGE) as u64);
        within("kernel_memory_reclaimed_pages_total", "pages read", pages, read - limit..=read + limit);
    }
    if let (Some(before), Some(after)) = (pressure, bounded.pressure_us()) {
        // Pressure begins a little before the first tracepoint and has waiting for a CPU in it. Its clock may be as coarse
        // as the kernel's ticks, which are longer than most of these stalls.
        let truth = (after - before) * 1000;
        let metric = format!("{STALLED}{{memory_stall_type=\"memcg_reclaim\"}}");
        within(&metric, "memory.pressure, ns", stalled, truth / 2..=2 * truth);
    }
}

/// The processes that ask for it compact all zones that have memory.
#[test]
fn compaction_is_a_stall_of_who_compacts() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(""));
    let cgroup = Cgroup::make("compaction");
    let compact = |_: &Job| fs::write("/proc/sys/vm/compact_memory", "1").expect("root may compact");
    let mut worker = Worker::spawn("compacts", &cgroup, || {}, compact);
    let trace = Trace::of(&["compaction/mm_compaction_begin", "compaction/mm_compaction_end"]);
    let (between, ()) = exporter.during(|| worker.work());
    compare(&between, "compaction", &cgroup, &trace, worker.pid, "mm_compaction");
}

/// Above memory.high a task is slowed down before it goes on. Only cgroup v2 has it.
#[test]
fn who_is_above_memory_high_is_throttled() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(""));
    let bounded = Bounded::make("high", 64);
    if !bounded.is_v2() {
        // There is nothing to be told, so nothing is missing.
        assert!(!is_missing(&exporter.scrape(), "throttling above memory.high"));
        return;
    }
    let mut worker = Worker::spawn(
        "grows",
        &bounded.cgroup,
        || {},
        |job| {
            let begin = Instant::now();
            Mapping::anonymous(8 * MIB).write_all();
            job.set(0, begin.elapsed().as_nanos() as u64);
        },
    );
    let used =
        fs::read_to_string(bounded.cgroup.folder().join("memory.current")).expect("a controller's file");
    let used: usize = used.trim().parse().expect("a number");
    bounded.set("memory.high", &(used + 7 * MIB).to_string());
    let pressure = bounded.pressure_us().expect("cgroup v2 has it");
    let (between, ()) = exporter.during(|| worker.work());
    let pressure = (bounded.pressure_us().expect("as above") - pressure) * 1000;
    let labels = [("memory_throttle_reason", "memory_high"), ("cgroup", &*bounded.cgroup.path)];
    let throttled = between.nanoseconds(THROTTLED, &labels);
    let metric = format!("{THROTTLED}{{memory_throttle_reason=\"memory_high\"}}");
    // What is charged may be reclaimed for without being throttled; pressure has less of a stall while other CPUs work.
    within(
        &metric,
        "memory.pressure, ns",
        throttled,
        pressure - pressure / 10..=worker.get(0).max(pressure + pressure / 10 + 5_000_000),
    );
    assert!(throttled > 10_000_000, "{throttled} ns");
    assert!(throttled < worker.get(0), "{throttled} ns of {}", worker.get(0));
}

/// The kernel's reserve, lowered to what it was when dropped.
struct Reserve {
    before: String,
}

impl Reserve {
    const FILE: &str = "/proc/sys/vm/min_free_kbytes";

    fn keep() -> Self {
        Self { before: fs::read_to_string(Self::FILE).expect("procfs") }
    }

    /// Nearly all that is free.
    fn raise() {
        let memory = fs::read_to_string("/proc/meminfo").expect("procfs");
        let free =
            memory.lines().find_map(|line| line.strip_prefix("MemFree:")).expect("every kernel has it");
        let free: usize = free.trim().trim_end_matches(" kB").parse().expect("a number");
        fs::write(Self::FILE, (free - 8 * 1024).to_string()).expect("root may");
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        let _ = fs::write(Self::FILE, self.before.trim());
    }
}

/// With the kernel's reserve raised to what is free, whoever asks for more must make room, if no kernel thread is faster.
/// Only a machine of one's own may be treated like this.
#[test]
fn direct_reclaim_is_a_stall_of_who_asks_for_memory() {
    let Some(_turn) = turn() else { return };
    if !in_vm() {
        return;
    }
    let exporter = Exporter::start(&config(""));
    let disk = Disk::with(0);
    let cgroup = Cgroup::make("direct");
    let mut worker = Worker::spawn(
        "asks",
        &cgroup,
        || {},
        |_| {
            Reserve::raise();
            Mapping::anonymous(96 * MIB).write_all();
        },
    );
    let event = "mm_vmscan_direct_reclaim";
    let (begin, end) = (format!("{event}_begin"), format!("{event}_end"));
    let trace = Trace::of(&[&format!("vmscan/{begin}"), &format!("vmscan/{end}")]);
    let (between, ()) = exporter.during(|| {
        for _ in 0..20 {
            disk.read(192 * MIB, MIB);
            let reserve = Reserve::keep();
            worker.work();
            drop(reserve);
            if trace.spans(worker.pid, &begin, &end).0 > 0 {
                break;
            }
        }
    });
    compare(&between, "direct_reclaim", &cgroup, &trace, worker.pid, event);
}

/// Pages that cannot be taken back before they are written. At a limit of cgroup v1 nothing else slows down who writes; with
/// v2 he seldom gets that far, and what there is must be told.
#[test]
fn who_waits_for_writing_is_throttled() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(""));
    let disk = Disk::with(128);
    disk.cool();
    let bounded = Bounded::make("writes", 24);
    let mut worker = Worker::spawn("writes", &bounded.cgroup, || {}, |_| disk.write(128 * MIB));
    let trace = Trace::of(&["vmscan/mm_vmscan_throttled"]);
    let (between, ()) = exporter.during(|| worker.work());
    // `nid=0 usec_timeout=100000 usect_delayed=4000 reason=VMSCAN_THROTTLE_WRITEBACK`
    let events = trace.events();
    let told = |event: &Event| event.fields.split("usect_delayed=").nth(1)?.split(' ').next()?.parse().ok();
    let of_worker = events.iter().filter(|event| event.pid == worker.pid);
    let delays: Vec<u64> = of_worker.map(|event| told(event).expect("it says how long")).collect();
    let (count, time) = (delays.len() as u64, delays.iter().sum::<u64>() * 1000);
    let labels = [("cgroup", &*bounded.cgroup.path)];
    let metric = "kernel_memory_throttle_duration_seconds_count";
    within(metric, "a trace", between.count(metric, &labels), count..=count);
    within(THROTTLED, "a trace, ns", between.nanoseconds(THROTTLED, &labels), time..=time);
    if !bounded.is_v2() {
        let labels = [("memory_throttle_reason", "writeback"), labels[0]];
        assert!(count > 0, "nobody was throttled");
        assert_eq!(between.count(metric, &labels), count);
    }
}
