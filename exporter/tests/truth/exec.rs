//! A process that becomes another program.

use std::{fs, os::unix::process::CommandExt as _, path::Path, process::Command, thread, time::Duration};

use crate::harness::*;

const SHELL: &str = "/bin/sh";

/// The last part of a path, without links.
fn name_of(path: impl AsRef<Path>) -> String {
    let path = fs::canonicalize(path).expect("it exists");
    path.file_name().expect("a file").to_str().expect("UTF-8").to_owned()
}

/// What was counted under the old name stays there for good, and what comes after it is counted under the
/// new one: exactly, because the last read before the exec was made while the process slept.
fn changes_future_increments_only(by: &str, name: impl Fn(libc::pid_t) -> String) {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&format!("collectors: {{process: {{processes_by: {by}}}}}\n"));
    let cgroup = Cgroup::make("exec");
    let mut first = true;
    let mut worker = Worker::spawn(
        "truth-exec",
        &cgroup,
        || {},
        |_| {
            if std::mem::take(&mut first) {
                busy(Duration::from_millis(100));
            } else {
                panic!("{}", Command::new(SHELL).args(["-c", "while :; do :; done"]).exec());
            }
        },
    );
    let time = |scrape: &Scrape, name: &str| {
        let labels = [(by, name), ("cgroup", cgroup.path.as_str())];
        scrape.nanoseconds("process_cpu_time_seconds_total", &labels)
    };
    worker.work();
    let before = Counts::of_process(worker.pid).cpu_ns;
    let old_name = name(worker.pid);
    assert_eq!(time(&exporter.scrape(), &old_name), before, "{old_name}");

    worker.start();
    wait_for("the shell runs", || name_of(format!("/proc/{}/exe", worker.pid)) == name_of(SHELL));
    thread::sleep(Duration::from_millis(300));
    // SAFETY: no preconditions; the worker is a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(worker.pid, libc::SIGSTOP) }, 0);
    wait_until_off_cpu(&worker.pid.to_string());
    let after = Counts::of_process(worker.pid).cpu_ns;
    assert!(after > before + 50_000_000, "the shell hardly ran: from {before} to {after} ns");
    // The old name's series ends when scrapes have carried its last value often enough.
    assert_eq!(time(&exporter.scrape(), &old_name), before, "under the old name");
    let new_name = name(worker.pid);
    wait_for("the old name's series ends", || {
        let scrape = exporter.scrape();
        assert_eq!(time(&scrape, &new_name), after - before, "under the new name, {new_name}");
        let old = time(&scrape, &old_name);
        assert!(old == 0 || old == before, "{old} ns under the old name");
        old == 0
    });
}

#[test]
fn exec_changes_the_command_of_future_increments_only() {
    changes_future_increments_only("command", |pid| {
        fs::read_to_string(format!("/proc/{pid}/comm")).expect("it lives").trim().to_owned()
    });
}

#[test]
fn exec_changes_the_executable_of_future_increments_only() {
    changes_future_increments_only("executable", |pid| {
        // The kernel's side keeps 63 bytes.
        name_of(format!("/proc/{pid}/exe")).chars().take(63).collect()
    });
}

/// A process that executes something and ends between two reads is counted under the file's name, also what
/// it did before; a child that executes nothing has its parent's file.
#[test]
fn the_dead_have_the_executable_that_they_had_last() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("collectors: {process: {processes_by: executable}}\n");
    let cgroup = Cgroup::make("executables");
    let mut worker = Worker::spawn(
        "truth-files",
        &cgroup,
        || {},
        |job| {
            let children: [fn(); 2] = [
                || busy(Duration::from_millis(20)),
                || {
                    let script = "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; exit 0";
                    panic!("{}", Command::new(SHELL).args(["-c", script]).exec());
                },
            ];
            for (cell, child) in children.into_iter().enumerate() {
                let ended = end_of(fork(child));
                assert_eq!(ended.status, 0);
                job.set(10 + cell, ended.leader.cpu_ns);
            }
        },
    );
    let own = name_of(format!("/proc/{}/exe", worker.pid)).chars().take(63).collect::<String>();
    let before = Counts::of_process(worker.pid).cpu_ns;
    let (between, ()) = exporter.during(|| worker.work());
    let itself = Counts::of_process(worker.pid).cpu_ns - before;
    let time = |name: &str| {
        let labels = [("executable", name), ("cgroup", cgroup.path.as_str())];
        between.nanoseconds("process_cpu_time_seconds_total", &labels)
    };
    assert_eq!(time(&name_of(SHELL)), worker.get(11), "the shell");
    assert_eq!(time(&own), worker.get(10) + itself, "what was forked");
    assert!(worker.get(10) > 0 && worker.get(11) > 0);
}
