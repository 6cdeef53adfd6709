//! An exporter ends and another one begins: nothing is reset, unless it must be.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, thread, time::Duration};

use prometheus::proto::MetricFamily;
use protobuf::{CodedInputStream, UnknownValueRef};

use crate::harness::*;

const SWITCHES: &str = "kernel_scheduler_context_switches_total";
const PROCESS: &str = "process_context_switches_total";
const OFF_CPU: &str = "kernel_scheduler_off_cpu_duration_seconds";

/// A file that is not there, in a folder that is.
struct StateFile(PathBuf);

impl StateFile {
    fn new() -> Self {
        let folder = env::temp_dir().join(unique("restart"));
        fs::create_dir(&folder).expect("a folder for temporary files");
        Self(folder.join("state.json"))
    }

    fn config(&self) -> String {
        format!("restart: {{state_file: {:?}}}\nlimits: {{linger: 10s}}\n", self.0)
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().expect("a folder"));
    }
}

/// A worker that sleeps three hundred times when it is told to.
fn sleeper(cgroup: &Cgroup) -> Worker {
    let work = |_: &Job| (0..300).for_each(|_| thread::sleep(Duration::from_micros(200)));
    Worker::spawn("truth-restart", cgroup, || {}, work)
}

/// All that is said of one cgroup.
#[derive(Debug, PartialEq)]
struct Said {
    switches: u64,
    of_processes: u64,
    off_cpu: Histogram,
    /// When counting began, for each series, as it stands in the exposition.
    starts: Vec<Vec<u8>>,
}

impl Said {
    fn of(exporter: &Exporter, cgroup: &Cgroup) -> Self {
        let whose = [("cgroup", cgroup.path.as_str())];
        let scrape = exporter.scrape();
        Self {
            switches: scrape.sum(SWITCHES, &whose),
            of_processes: scrape.sum(PROCESS, &whose),
            off_cpu: exporter.histogram(OFF_CPU, &whose),
            starts: [SWITCHES, PROCESS]
                .iter()
                .flat_map(|name| starts(exporter, name, &cgroup.path))
                .collect(),
        }
    }
}

/// `created_timestamp` of a counter's series.
fn starts(exporter: &Exporter, name: &str, cgroup: &str) -> Vec<Vec<u8>> {
    const CREATED: u32 = 3;
    let body = exporter.get(PROTOBUF);
    let mut input = CodedInputStream::from_bytes(&body);
    let mut starts = Vec::new();
    while !input.eof().expect("complete") {
        let family: MetricFamily = input.read_message().expect("a metric family");
        let metrics = family.get_metric().iter().filter(|_| family.name() == name);
        for metric in metrics.filter(|metric| metric.get_label().iter().any(|pair| pair.value() == cgroup)) {
            for (field, value) in metric.get_counter().special_fields.unknown_fields().iter() {
                if let (CREATED, UnknownValueRef::LengthDelimited(bytes)) = (field, value) {
                    starts.push(bytes.to_vec());
                }
            }
        }
    }
    starts
}

fn end(mut exporter: Exporter) {
    exporter.signal(libc::SIGTERM);
    assert!(exporter.wait().success(), "{}", exporter.log());
}

#[test]
fn counters_go_on_after_an_orderly_end() {
    let Some(_turn) = turn() else { return };
    let file = StateFile::new();
    let exporter = Exporter::start(&file.config());
    let [active, idle, gone] =
        ["active", "idle", "gone"].map(|name| Cgroup::make(&format!("restart-{name}")));
    let mut workers = [&active, &idle, &gone].map(sleeper);
    let used: Vec<_> = workers.iter_mut().map(Worker::work_measured).collect();
    let said = [&active, &idle, &gone].map(|cgroup| Said::of(&exporter, cgroup));
    for (said, used) in said.iter().zip(&used) {
        assert!(said.switches >= used.switches() && said.starts.len() >= 4, "{used:?}, {said:?}");
    }
    end(exporter);
    assert_eq!(fs::metadata(&file.0).expect("it is kept").permissions().mode() & 0o777, 0o600);

    let [mut active_worker, _idle_worker, gone_worker] = workers;
    gone_worker.end();
    let gone_path = gone.path.clone();
    drop(gone);
    for round in 1..=3 {
        let exporter = Exporter::start(&file.config());
        assert!(!file.0.exists(), "nobody goes on from it twice");
        assert_eq!(Said::of(&exporter, &idle), said[1], "round {round}");
        let before = Said::of(&exporter, &active);
        let used = active_worker.work_measured();
        let after = Said::of(&exporter, &active);
        assert_eq!(after.switches - before.switches, used.switches(), "round {round}");
        assert_eq!(after.of_processes - before.of_processes, used.switches(), "round {round}");
        // Of the sleep at the gate nobody knows the beginning.
        assert_eq!(after.off_cpu.since(&before.off_cpu).count(), used.voluntary - 1, "round {round}");
        assert_eq!(after.starts, said[0].starts, "round {round}");
        if round == 1 {
            assert_eq!(before, said[0]);
        }
        let whose = [("cgroup", gone_path.as_str())];
        wait_for("what was removed meanwhile ends", || {
            exporter.scrape().series(SWITCHES, &whose).next().is_none()
        });
        let switches = after.switches;
        end(exporter);
        assert!(switches > said[0].switches);
    }
}

#[test]
fn after_a_crash_they_begin_anew() {
    let Some(_turn) = turn() else { return };
    let file = StateFile::new();
    let cgroup = Cgroup::make("restart");
    let mut worker = sleeper(&cgroup);
    end(Exporter::start(&file.config()));
    let mut exporter = Exporter::start(&file.config());
    worker.work();
    let before = Said::of(&exporter, &cgroup);
    exporter.signal(libc::SIGKILL);
    exporter.wait();
    let exporter = Exporter::start(&file.config());
    assert!(exporter.log().contains("no counters from before"), "{}", exporter.log());
    worker.work();
    let after = Said::of(&exporter, &cgroup);
    assert!(after.starts.iter().all(|start| !before.starts.contains(start)), "{before:?}, then {after:?}");
    assert!(after.switches < before.switches + 300, "{before:?}, then {after:?}");
}

#[test]
fn a_file_that_is_of_no_use_is_told_of() {
    let Some(_turn) = turn() else { return };
    let file = StateFile::new();
    fs::write(&file.0, "{\"boot\": 7}").expect("a folder of its own");
    let exporter = Exporter::start(&file.config());
    assert!(exporter.log().contains("counters begin anew: "), "{}", exporter.log());
    assert!(exporter.log().contains("is no state of this exporter's"), "{}", exporter.log());
    assert!(!exporter.reload("restart: {state_file: /proc/nowhere/state}"), "{}", exporter.log());
    let (status, said) = Exporter::start_in_vain("restart: {state_file: /proc/nowhere/state}", |_| {});
    assert!(!status.success());
    assert!(said.contains("restart.state_file: cannot write /proc/nowhere/state"), "{said}");
}
