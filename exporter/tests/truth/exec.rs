//! A process that becomes another program.

use std::{fs, os::unix::process::CommandExt as _, process::Command, thread, time::Duration};

use crate::harness::*;

/// What was counted under the old name stays there for good, and what comes after it is counted under the
/// new one: exactly, because the last read before the exec was made while the process slept.
#[test]
fn exec_changes_the_name_of_future_increments_only() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
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
                panic!("{}", Command::new("/bin/sh").args(["-c", "while :; do :; done"]).exec());
            }
        },
    );
    let time = |scrape: &Scrape, command| {
        let labels = [("command", command), ("cgroup", cgroup.path.as_str())];
        scrape.nanoseconds("process_cpu_time_seconds_total", &labels)
    };
    worker.work();
    let before = Counts::of_process(worker.pid).cpu_ns;
    assert_eq!(time(&exporter.scrape(), "truth-exec"), before);

    worker.start();
    let comm = format!("/proc/{}/comm", worker.pid);
    wait_for("the shell runs", || fs::read_to_string(&comm).is_ok_and(|name| name == "sh\n"));
    thread::sleep(Duration::from_millis(300));
    // SAFETY: no preconditions; the worker is a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(worker.pid, libc::SIGSTOP) }, 0);
    wait_until_off_cpu(&worker.pid.to_string());
    let after = Counts::of_process(worker.pid).cpu_ns;
    assert!(after > before + 50_000_000, "the shell hardly ran: from {before} to {after} ns");
    // The old name's series ends when scrapes have carried its last value often enough.
    assert_eq!(time(&exporter.scrape(), "truth-exec"), before, "under the old name");
    wait_for("the old name's series ends", || {
        let scrape = exporter.scrape();
        assert_eq!(time(&scrape, "sh"), after - before, "under the new name");
        let old = time(&scrape, "truth-exec");
        assert!(old == 0 || old == before, "{old} ns under the old name");
        old == 0
    });
}
