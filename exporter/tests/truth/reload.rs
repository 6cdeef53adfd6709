//! A running exporter gets another config: what has not changed goes on, and nothing is counted twice.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::harness::*;

const SWITCHES: &str = "kernel_scheduler_context_switches_total";
const PROCESS: &str = "process_context_switches_total";
const VOLUNTARY: (&str, &str) = ("type", "voluntary");

/// A worker that sleeps as often as the first cell says.
fn sleeper(cgroup: &Cgroup) -> Worker {
    let work = |job: &Job| (0..job.get(0)).for_each(|_| thread::sleep(Duration::from_micros(200)));
    Worker::spawn("truth-reload", cgroup, || {}, work)
}

/// How often the kernel says that it has switched away from the worker because it wanted to sleep.
fn switches(worker: &Worker) -> u64 {
    Counts::of_process(worker.pid).voluntary
}

/// The sum of a counter's increases over all series, by what scrapes show of each.
#[derive(Default)]
struct Increases(BTreeMap<BTreeMap<String, String>, f64>);

impl Increases {
    fn add(&mut self, scrape: &Scrape, name: &str, labels: &[(&str, &str)]) {
        for (labels, value) in scrape.series(name, labels) {
            let before = self.0.insert(labels.clone(), value).unwrap_or(0.0);
            assert!(value >= before, "{labels:?} went back from {before} to {value}");
        }
    }

    fn total(&self) -> u64 {
        self.0.values().sum::<f64>() as u64
    }
}

#[test]
fn a_bad_config_changes_nothing_and_a_good_one_is_taken() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    assert!(!exporter.reload("collectors: {schedular: {}}"));
    let log = exporter.log();
    assert!(log.contains("did you mean \"scheduler\"") && log.contains("stays in force"), "{log}");
    assert!(!exporter.reload("listen: 192.0.2.1:9"), "not an address of this machine");
    assert!(exporter.log().contains("cannot listen on 192.0.2.1:9"), "{}", exporter.log());
    let up = |name| exporter.scrape().sum("kernel_exporter_collector_up", &[("collector", name)]);
    assert_eq!(["scheduler", "block_io", "process"].map(up), [1, 1, 1]);
    assert!(!exporter.reload(
        "collectors: {scheduler: {enabled: false}, process: {enabled: false}, block_io: {enabled: false}}"
    ));
    assert!(exporter.log().contains("no collector can run"), "{}", exporter.log());
    assert!(exporter.reload("collectors: {block_io: {enabled: false}}"));
    assert_eq!(["scheduler", "block_io", "process"].map(up), [1, 0, 1]);
    assert!(exporter.reload(""));
    assert_eq!(["scheduler", "block_io", "process"].map(up), [1, 1, 1]);
}

#[test]
fn a_changed_file_is_noticed() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("reload: {watch: true}\n");
    exporter.rewrite("reload: {watch: true}\ncollectors: {process: {enabled: false}}\n");
    wait_for("the file is read", || {
        exporter.scrape().sum("kernel_exporter_collector_up", &[("collector", "process")]) == 0
    });
}

/// Other names and other collectors beside it leave the scheduler's programs alone: to the unit.
#[test]
fn untouched_collectors_go_on() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("reload");
    let mut worker = sleeper(&cgroup);
    worker.set(0, 300);
    let scrape = exporter.scrape();
    let path = [("cgroup", cgroup.path.as_str()), VOLUNTARY];
    let first = scrape.sum(SWITCHES, &path);
    let programs = scrape.sum("kernel_exporter_program_runs_total", &[("program", "sched_switch")]);
    let before = switches(&worker);
    for config in [
        "collectors: {block_io: {enabled: false}}",
        "histograms: {scale: 1, classic: false}",
        "limits: {linger: 20s}",
        "collectors: {block_io: {by: none}}",
        "kubernetes: {source: off}",
        "log: {level: debug}",
        "",
    ] {
        worker.start();
        assert!(exporter.reload(config), "{config}: {}", exporter.log());
        worker.finish();
    }
    let scrape = exporter.scrape();
    assert_eq!(scrape.sum(SWITCHES, &path) - first, switches(&worker) - before);
    let after = scrape.sum("kernel_exporter_program_runs_total", &[("program", "sched_switch")]);
    assert!(after > programs, "the programs are the same ones: {programs} runs, then {after}");
}

/// Increments move to the new names, and none is lost or counted twice.
#[test]
fn another_way_of_naming_moves_only_what_is_to_come() {
    let Some(_turn) = turn() else { return };
    let config = |by: &str, of: &str| {
        format!("collectors: {{scheduler: {{by: {by}}}, process: {{by: {by}, processes_by: {of}}}}}")
    };
    let exporter = Exporter::start(&config("cgroup", "command"));
    let cgroup = Cgroup::make("reload");
    let mut worker = sleeper(&cgroup);
    worker.set(0, 300);
    let whose: [&[(&str, &str)]; 4] = [
        &[("command", "truth-reload"), ("cgroup", &cgroup.path)],
        &[("command", "truth-reload")],
        &[("pid", &worker.pid.to_string())],
        &[("command", "truth-reload"), ("cgroup", &cgroup.path)],
    ];
    for ((by, of), labels) in
        [("cgroup", "command"), ("none", "command"), ("none", "pid"), ("container", "command")]
            .into_iter()
            .zip(whose)
    {
        assert!(exporter.reload(&config(by, of)), "{}", exporter.log());
        let labels = [labels, &[("process_context_switch_type", "voluntary")]].concat();
        let (between, used) = exporter.during(|| worker.work_measured());
        assert_eq!(between.count(PROCESS, &labels), used.voluntary, "{by}, {of}");
    }
    assert_eq!(exporter.scrape().sum("kernel_exporter_dropped_increments_total", &[]), 0);
}

/// Other maps need other programs: the series go on, and what is missing is what happened in the blink between
/// the last reading of the old ones and the first of the new ones.
#[test]
fn programs_take_over_from_each_other() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("limits: {slots: 1024}");
    let cgroup = Cgroup::make("reload");
    let mut worker = sleeper(&cgroup);
    let path = [("cgroup", cgroup.path.as_str()), VOLUNTARY];
    worker.set(0, 2_000);
    let mut all = Increases::default();
    all.add(&exporter.scrape(), SWITCHES, &path);
    let before = all.total();
    let counted = switches(&worker);
    for round in 0..6 {
        worker.start();
        assert!(exporter.reload(&format!("limits: {{slots: {}}}", 2_000 + round)), "{}", exporter.log());
        all.add(&exporter.scrape(), SWITCHES, &path);
        worker.finish();
    }
    all.add(&exporter.scrape(), SWITCHES, &path);
    let (measured, truth) = (all.total() - before, switches(&worker) - counted);
    assert!(measured <= truth, "{measured} are more than there were, {truth}");
    assert!(measured >= truth - truth / 20, "{measured} of {truth}");
    let failures = exporter.scrape();
    assert_eq!(failures.sum("kernel_exporter_dropped_increments_total", &[]), 0);
    assert_eq!(failures.sum("kernel_exporter_backward_values_total", &[]), 0);
}

/// Nobody who scrapes meanwhile is turned away.
#[test]
fn no_scrape_fails_meanwhile() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let ended = AtomicBool::new(false);
    let scrapes = thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut scrapes = 0;
            while !ended.load(Ordering::Relaxed) {
                exporter.scrape(); // fails unless it succeeds
                scrapes += 1;
            }
            scrapes
        });
        for config in ["limits: {slots: 100}", "collectors: {block_io: {labels: []}}", "listen: nowhere", ""]
        {
            exporter.reload(config);
        }
        ended.store(true, Ordering::Relaxed);
        scraper.join().expect("every scrape succeeds")
    });
    assert!(scrapes > 4, "{scrapes} scrapes");
}

#[test]
fn the_address_can_change() {
    let Some(_turn) = turn() else { return };
    let mut exporter = Exporter::start("");
    let old = exporter.address;
    let mut new = old;
    new.set_ip([127, 0, 0, 2].into());
    fs::write(exporter.config(), format!("listen: {new}\n")).expect("its own file");
    exporter.signal(libc::SIGHUP);
    wait_for("it listens elsewhere", || TcpStream::connect(new).is_ok());
    exporter.address = new;
    exporter.scrape();
    wait_for("the old address is free", || TcpStream::connect(old).is_err());
}
