//! CPU time.

use std::{fs, thread, time::Duration};

use crate::harness::*;

/// Steal of all CPUs in nanoseconds: time in which a hypervisor ran something else (man 5 proc).
fn stolen_ns() -> u64 {
    let stat = fs::read_to_string("/proc/stat").expect("always there");
    let all = stat.lines().next().expect("the sums come first");
    // SAFETY: no preconditions.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as u64;
    all.split_whitespace().nth(8).expect("the eighth number").parse::<u64>().expect("a number")
        * (1_000_000_000 / per_second)
}

/// The sum of finished slices is the cgroup's CPU time within 1 %, and a process' CPU time is the kernel's.
///
/// A slice is as long as it took; where the kernel knows about steal it does not charge it to the task, so
/// slices may be longer by what was stolen meanwhile (counted in ticks, hence one more on each CPU).
#[test]
fn time_on_a_cpu_is_the_cgroups_cpu_time() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("busy");
    let mut worker = Worker::spawn(
        "truth-busy",
        &cgroup,
        || {},
        |_| {
            for _ in 0..200 {
                busy(Duration::from_millis(5));
                thread::sleep(Duration::from_millis(1));
            }
        },
    );

    let (between, (own, usage, stolen)) = exporter.during(|| {
        let (usage, stolen) = (cgroup.cpu_ns(), stolen_ns());
        let own = worker.work_measured();
        (own, cgroup.cpu_ns() - usage, stolen_ns() - stolen)
    });

    let of_cgroup = ("cgroup", cgroup.path.as_str());
    let slices = between.nanoseconds("kernel_scheduler_on_cpu_duration_seconds_sum", &[of_cgroup]);
    assert!(usage > 500_000_000, "it was busy for a second, on a CPU for {usage} ns");
    assert!(slices as f64 >= usage as f64 * 0.99, "slices {slices} ns, cgroup {usage} ns");
    let tick = 10_000_000 * cpus().len() as u64;
    let most = usage as f64 * 1.01 + if stolen > 0 { (stolen + tick) as f64 } else { 0.0 };
    assert!(slices as f64 <= most, "slices {slices} ns, cgroup {usage} ns, stolen {stolen} ns");

    let labels = [of_cgroup, ("command", "truth-busy")];
    assert_eq!(between.nanoseconds("process_cpu_time_seconds_total", &labels), own.cpu_ns);
    assert_eq!(between.nanoseconds("kernel_process_run_queue_time_seconds_total", &labels), own.run_queue_ns);
}

/// A process that stays on its CPU makes no switch, and yet its CPU time moves from read to read: by as much
/// as the kernel's own number of it, read just before and just after, allows, and that is the time by the
/// hog's clock. The kernel brings that number up to date at every tick (4 ms).
#[test]
fn a_hog_moves_without_switching() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("hog");
    let prepare = || {
        pin(last_cpu());
        run_first();
    };
    let mut worker = Worker::spawn("truth-hog", &cgroup, prepare, |job| {
        let begin = std::time::Instant::now();
        while job.get(0) == 0 && begin.elapsed() < Duration::from_secs(60) {
            job.set(1, begin.elapsed().as_nanos() as u64);
        }
    });
    worker.start();
    wait_for("the hog runs", || worker.get(1) > 0);

    let [first, second] = [0, 400].map(|pause| {
        thread::sleep(Duration::from_millis(pause));
        let by_kernel = || Counts::of_process(worker.pid).cpu_ns;
        let (clock, low) = (worker.get(1), by_kernel());
        let labels = [("cgroup", cgroup.path.as_str()), ("command", "truth-hog")];
        let exported = exporter.scrape().nanoseconds("process_cpu_time_seconds_total", &labels);
        let high = by_kernel();
        assert!((low..=high).contains(&exported), "{exported} ns is not from {low} to {high}");
        (clock, exported, worker.get(1))
    });
    worker.set(0, 1);
    worker.finish();

    let moved = second.1 - first.1;
    let (shortest, longest) = (second.0 - first.2, second.2 - first.0);
    // The hog may be without its CPU for 50 ms of every second, at the beginning and at the end as well.
    let lost = 50_000_000 * (2 + longest / 1_000_000_000);
    assert!(shortest >= 400_000_000 - lost, "the hog did not run: {shortest} ns by its own clock");
    let tick = 4_000_000;
    assert!(
        (shortest.saturating_sub(lost)..=longest + tick).contains(&moved),
        "moved by {moved} ns in {shortest} to {longest} ns by the hog's clock"
    );
}
