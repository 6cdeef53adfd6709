//! `detail: counters`: what is counted is as exact as with histograms, and these are not there.

use std::{thread, time::Duration};

use crate::harness::*;

const SWITCHES: &str = "kernel_scheduler_context_switches_total";
const MIGRATIONS: &str = "kernel_scheduler_migrations_total";
const HISTOGRAMS: [&str; 3] = [
    "kernel_scheduler_run_queue_latency_seconds_count",
    "kernel_scheduler_on_cpu_duration_seconds_count",
    "kernel_scheduler_off_cpu_duration_seconds_count",
];

fn config(detail: &str) -> String {
    format!("collectors: {{scheduler: {{detail: {detail}}}, block_io: {{detail: {detail}}}}}")
}

/// A worker that sleeps 300 times, and has a child that does the same and dies.
fn busy(cgroup: &Cgroup) -> Worker {
    fn work() {
        for _ in 0..300 {
            thread::sleep(Duration::from_micros(100));
        }
    }
    Worker::spawn(
        "truth-counters",
        cgroup,
        || {},
        |job| {
            work();
            job.set_counts(end_of(fork(work)).leader);
        },
    )
}

fn count(between: &Between, cgroup: &Cgroup, kind: &str) -> u64 {
    between.count(SWITCHES, &[("cgroup", &cgroup.path), ("type", kind)])
}

fn programs(scrape: &Scrape) -> Vec<&str> {
    let series = scrape.series("kernel_exporter_program_info", &[]);
    series.filter(|(labels, _)| labels["family"] != "cgroup").map(|(labels, _)| &*labels["program"]).collect()
}

/// With and without a collector that needs to remember tasks.
#[test]
fn switches_are_counted_exactly_without_durations() {
    let Some(_turn) = turn() else { return };
    let alone =
        "collectors: {scheduler: {detail: counters}, process: {enabled: false}, block_io: {enabled: false}}";
    for (config, beside) in [(config("counters"), true), (alone.to_owned(), false)] {
        let exporter = Exporter::start(&config);
        let cgroup = Cgroup::make("counters");
        let mut worker = busy(&cgroup);
        let (between, own) = exporter.during(|| worker.work_measured());
        let truth = own + worker.counts();
        // A sleep whose time is over before the CPU is left makes no switch.
        assert!(truth.voluntary >= 300, "{truth:?}");
        assert_eq!(count(&between, &cgroup, "voluntary"), truth.voluntary, "voluntary");
        assert_eq!(count(&between, &cgroup, "involuntary"), truth.involuntary, "involuntary");
        let scrape = &between.after;
        assert!(scrape.series(MIGRATIONS, &[("cgroup", &cgroup.path)]).count() == 1);
        for name in HISTOGRAMS {
            assert_eq!(scrape.series(name, &[]).count(), 0, "{name} is not measured");
        }
        let expected: &[&str] = if beside {
            &["block_rq_complete", "sched_migrate_task", "sched_switch", "task_newtask"]
        } else {
            &["sched_migrate_task", "sched_switch"]
        };
        let mut programs = programs(scrape);
        programs.sort_unstable();
        assert_eq!(programs, expected);
        for failure in ["task_entry_missing", "start_missed"] {
            let absent = scrape.series("kernel_exporter_failures_total", &[("kind", failure)]).count();
            assert_eq!(absent, 0, "{failure} is about durations");
        }
    }
}

/// Counters go on from one detail to the other, without a reset and with nothing counted twice; histograms end
/// and begin.
#[test]
fn a_reload_goes_from_one_detail_to_the_other() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config("histograms"));
    let cgroup = Cgroup::make("detail");
    let mut worker = busy(&cgroup);
    let path = [("cgroup", cgroup.path.as_str())];
    let first = exporter.scrape();
    let mut truth = Counts::default();
    let mut previous = first.sum(SWITCHES, &path);
    for detail in ["histograms", "counters", "histograms", "counters"] {
        assert!(exporter.reload(&config(detail)), "{}", exporter.log());
        // The worker sleeps during the reload: not a single switch is its own.
        assert_eq!(exporter.scrape().sum(SWITCHES, &path), previous, "{detail}");
        let (between, own) = exporter.during(|| worker.work_measured());
        let used = own + worker.counts();
        truth += used;
        assert_eq!(count(&between, &cgroup, "voluntary"), used.voluntary, "{detail}");
        assert_eq!(count(&between, &cgroup, "involuntary"), used.involuntary, "{detail}");
        let measured = detail == "histograms";
        for name in HISTOGRAMS {
            assert_eq!(between.after.series(name, &path).count() > 0, measured, "{detail}: {name}");
        }
        let slices = between.after.sum(HISTOGRAMS[1], &path);
        assert!(slices >= if measured { used.switches() } else { 0 }, "{detail}: {slices} of {used:?}");
        let in_flight = between.after.series("kernel_block_io_in_flight", &[]).count();
        assert!(measured || in_flight == 0, "{detail}: {in_flight} gauges");
        previous = between.after.sum(SWITCHES, &path);
    }
    assert_eq!(previous - first.sum(SWITCHES, &path), truth.switches(), "in all");
    let last = exporter.scrape();
    assert_eq!(last.sum("kernel_exporter_backward_values_total", &[]), 0, "{}", exporter.log());
    assert_eq!(last.sum("kernel_exporter_dropped_increments_total", &[]), 0);
}
