//! Processes that come and go between two reads.

use std::time::Duration;

use crate::harness::*;

/// Cells with what `wait4` says of the children: CPU time, voluntary and involuntary switches.
const BY_WAIT4: usize = 4;

/// Forks children one after the other, waits for each, and leaves their sums.
fn generations(job: &Job, number: u64, live: impl Fn()) {
    let (mut sum, mut by_wait4) = (Counts::default(), 0);
    for _ in 0..number {
        let child = fork(|| {
            set_command("truth-child");
            live();
        });
        let ended = end_of(child);
        assert_eq!(ended.status, 0);
        sum += ended.leader;
        by_wait4 += ended.cpu_ns();
        job.set(BY_WAIT4 + 1, job.get(BY_WAIT4 + 1) + ended.usage.ru_nvcsw as u64);
        job.set(BY_WAIT4 + 2, job.get(BY_WAIT4 + 2) + ended.usage.ru_nivcsw as u64);
    }
    job.set_counts(sum);
    job.set(BY_WAIT4, by_wait4);
}

/// What the exporter says of the children, fold included, is what `/proc` and `wait4` say.
///
/// The rule for the last switch: a process makes one voluntary switch when it is dead. Where `wait4` comes
/// after it, as here, its numbers of switches have it as well, and are equal to the exporter's. CPU time is
/// equal to the kernel's own sum; `wait4` rounds its two parts to microseconds, and 1 % is what is promised.
fn assert_counted(between: &Between, cgroup: &Cgroup, worker: &Worker) {
    let sum =
        |growth: fn(&Between, &str, &[(&str, &str)]) -> u64, name: &str, label: &[(&str, &str)]| -> u64 {
            let of = |command| {
                growth(
                    between,
                    name,
                    &[&[("cgroup", cgroup.path.as_str()), ("command", command)], label].concat(),
                )
            };
            of("truth-child") + of("(all other commands)")
        };
    let switches = |kind| {
        sum(Between::count, "process_context_switches_total", &[("process_context_switch_type", kind)])
    };
    let time = |name| sum(Between::nanoseconds, name, &[]);
    let truth = worker.counts();
    assert_eq!(switches("voluntary"), truth.voluntary, "voluntary");
    assert_eq!(switches("involuntary"), truth.involuntary, "involuntary");
    assert_eq!(switches("voluntary"), worker.get(BY_WAIT4 + 1), "voluntary, by wait4");
    assert_eq!(switches("involuntary"), worker.get(BY_WAIT4 + 2), "involuntary, by wait4");
    assert_eq!(time("process_cpu_time_seconds_total"), truth.cpu_ns, "CPU time");
    assert_eq!(time("kernel_process_run_queue_time_seconds_total"), truth.run_queue_ns, "waits");
    assert_within(0.01, truth.cpu_ns, worker.get(BY_WAIT4), "the kernel's CPU time and wait4's");
}

#[test]
fn processes_of_five_milliseconds_are_all_counted() {
    const PROCESSES: u64 = 500;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("short");
    let mut worker = Worker::spawn(
        "truth-parent",
        &cgroup,
        || {},
        |job| generations(job, PROCESSES, || busy(Duration::from_millis(5))),
    );

    let (between, ()) = exporter.during(|| worker.work());

    assert!(worker.counts().cpu_ns > PROCESSES * 2_000_000, "they hardly ran: {:?}", worker.counts());
    assert_counted(&between, &cgroup, &worker);
}

/// Many more processes than there are places for, and nobody reads until they are all gone: their names are
/// lost, as the config says, but nothing of what they used is.
#[test]
fn a_fork_storm_beyond_all_places_is_all_counted() {
    const PROCESSES: u64 = 2000;
    const PLACES: u64 = 64;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&format!("limits: {{processes: {PLACES}}}\n"));
    let cgroup = Cgroup::make("storm");
    let mut worker = Worker::spawn("truth-parent", &cgroup, || {}, |job| generations(job, PROCESSES, || {}));

    let (between, ()) = exporter.during(|| worker.work());

    let unplaced = between.count("kernel_exporter_failures_total", &[("kind", "process_unplaced")]);
    assert!(unplaced >= PROCESSES - PLACES, "{unplaced} had no place");
    assert_counted(&between, &cgroup, &worker);
}
