//! A disk that becomes slow, against its own week.

use std::fs;

use crate::{
    alert::Expected,
    case::{Case, now},
    harness::{Exporter, turn},
    history,
    rules::{self, FORMS},
    tools::{or_skip, prometheus_tool},
};

/// A job that scrapes the same disk, of which it has another history.
const ALWAYS_SLOW: &str = "always-slow";

/// A tardy disk, in seconds, so that a machine with other things to do does not make it unusual.
const USUAL: f64 = 0.02;

/// As slow as it will be.
const SLOW: f64 = 0.1;

#[test]
fn a_disk_that_becomes_slow_is_noticed() {
    let Some(_turn) = turn() else { return };
    let program = or_skip!(prometheus_tool("prometheus"));
    let promtool = or_skip!(prometheus_tool("promtool"));
    let exporter = Exporter::start("");
    // The disk is made by the script, and Prometheus begins with its week: that takes a part of the calm.
    let mut case = Case::begin("slow-disk", &exporter, 15);
    let disk = case.until("disk: ");
    let alert = Expected {
        name: "KernelDiskLatencyUnusual",
        reads: "instance_device:kernel_block_io_duration_seconds:p99_rate5m",
        labels: &[("device", &disk)],
        summary: &format!("Disk {disk} of node is slower than it was all week."),
        description: "A hundredth of its requests takes more than ",
    };
    let [native, classic] = FORMS;
    let jobs = [native, classic, (ALWAYS_SLOW, native.1)];
    let prometheus = rules::start(&program, &exporter, &jobs, |data| {
        let weeks = [(native.0, USUAL), (classic.0, USUAL), (ALWAYS_SLOW, SLOW)];
        history::make(&promtool, data, &disk, &weeks);
    });
    alert.wait_until_compared(&prometheus);
    let begin = case.trouble();
    jobs.iter().for_each(|(job, _)| alert.assert_silent(&prometheus, job, begin));
    alert.wait_until_it_fires(&prometheus);
    let (culprit, victim) = case.verdict();
    alert.assert_silent(&prometheus, ALWAYS_SLOW, now());
    assert!(culprit.starts_with(&format!("disk {disk}: ")), "{culprit}");
    assert!(victim.starts_with("/slow-disk/database: "), "{victim}");
    prometheus.assert_no_complaints();
    let left = fs::read_to_string(format!("/sys/block/{disk}/loop/backing_file"));
    assert!(left.is_err(), "the script leaves its disk: {left:?}");
}
