//! Waiting for a CPU.

use std::time::{Duration, Instant};

use crate::harness::*;

const LATENCY: &str = "kernel_scheduler_run_queue_latency_seconds";

/// A task that a real-time task keeps from its CPU for 300 ms waited that long: the longest wait of its
/// cgroup is within a bucket of the longest gap that it saw in its own clock. (300 ms in a row are below what
/// the kernel grants real-time tasks, 950 of 1,000 ms, so nothing lets the victim run in between.)
#[test]
fn a_starved_task_waits_as_long_as_it_says() {
    const LONGEST: usize = 0;
    const STOP: usize = 1;
    const RUNS: usize = 2;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let (cgroup, elsewhere) = (Cgroup::make("victim"), Cgroup::make("starver"));
    let on_one_cpu = || pin(last_cpu());
    let mut victim = Worker::spawn("truth-victim", &cgroup, on_one_cpu, |job| {
        let (begin, mut last) = (Instant::now(), Instant::now());
        job.set(RUNS, 1);
        let mut stop = false;
        while !stop {
            // Asked before the clock is read: the gap that ends with being stopped is seen, too.
            stop = job.get(STOP) == 1 || begin.elapsed() > Duration::from_secs(60);
            let now = Instant::now();
            job.set(LONGEST, job.get(LONGEST).max((now - last).as_nanos() as u64));
            last = now;
        }
    });
    let mut hog = Worker::spawn(
        "truth-starver",
        &elsewhere,
        || {
            on_one_cpu();
            run_first();
        },
        |_| busy(Duration::from_millis(300)),
    );

    let labels = [("cgroup", cgroup.path.as_str())];
    let before = exporter.histogram(LATENCY, &labels);
    let (between, own) = exporter.during(|| {
        let before = Counts::of_process(victim.pid);
        victim.start();
        wait_for("the victim runs", || victim.get(RUNS) == 1);
        hog.work();
        victim.set(STOP, 1);
        victim.finish();
        Counts::of_process(victim.pid) - before
    });
    let waits = exporter.histogram(LATENCY, &labels).since(&before);

    let longest = victim.get(LONGEST);
    assert!(longest > 290_000_000, "the victim was not starved: its longest gap was {longest} ns");
    waits.assert_largest_are(vec![longest]);
    let labels = [("cgroup", cgroup.path.as_str()), ("command", "truth-victim")];
    assert_eq!(between.nanoseconds("kernel_process_run_queue_time_seconds_total", &labels), own.run_queue_ns);
}
