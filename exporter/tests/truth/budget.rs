//! The exporter costs too much, and then less.

use std::{thread::sleep, time::Duration};

use crate::harness::*;

const USAGE: &str = "kernel_exporter_cpu_usage_cores";
const SHED: &str = "kernel_exporter_collector_shed";
const STEPS: &str = "kernel_exporter_budget_steps_total";

fn config(cpu: &str) -> String {
    format!("budget: {{cpu: {cpu}, window: 2s}}\nkubernetes: {{source: off}}\n")
}

/// CPUs in use, once the last window is all of what was before this call.
fn usage(exporter: &Exporter) -> f64 {
    sleep(Duration::from_millis(2_500));
    exporter.scrape().series(USAGE, &[]).map(|(_, value)| value).sum()
}

/// Two processes on one CPU hand a byte to and fro, which is as many switches as a CPU can make.
fn ping_pong(cgroup: &Cgroup) -> Worker {
    Worker::spawn(
        "truth-budget",
        cgroup,
        || pin(last_cpu()),
        |job| {
            let ((mut one, mut to_one), (mut other, mut to_other)) = (pipe(), pipe());
            let child = fork(|| {
                die_with_parent().expect("a valid call");
                while std::io::Read::read_exact(&mut other, &mut [0]).is_ok() {
                    std::io::Write::write_all(&mut to_one, &[0]).expect("the other one listens");
                }
            });
            while job.get(0) == 0 {
                std::io::Write::write_all(&mut to_other, &[0]).expect("the other one listens");
                std::io::Read::read_exact(&mut one, &mut [0]).expect("the other one answers");
            }
            job.set(0, 0);
            // SAFETY: the child has not been waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
            end_of(child);
        },
    )
}

#[test]
fn the_dearest_collector_steps_down_and_comes_back() {
    let Some(_turn) = turn() else { return };
    if in_vm() {
        println!("elsewhere: on an emulated CPU reading costs more than all switches that it can make");
        return;
    }
    let exporter = Exporter::start(&config("off"));
    usage(&exporter); // to start is dear
    let cgroup = Cgroup::make("budget");
    let mut worker = ping_pong(&cgroup);
    let idle = usage(&exporter);
    worker.start();
    let busy = usage(&exporter);
    assert!(busy > 3.0 * idle && idle > 0.0, "{busy} CPUs under load, {idle} without");
    assert_eq!(exporter.scrape().sum(STEPS, &[]), 0, "there is no limit");

    // As the config writes it.
    let limit = 0.7 * busy / cpus().len() as f64 * 100.0;
    assert!(exporter.reload(&config(&format!("{:.3}%", limit.max(0.001)))), "{}", exporter.log());
    let shed = |what: &str| exporter.scrape().sum(SHED, &[("collector", "scheduler"), ("what", what)]);
    wait_for("the scheduler's histograms are given up", || shed("histograms") == 1);
    wait_for("it says why", || exporter.log().contains("over the budget"));
    wait_for("that is enough, or the rest goes too", || shed("all") == 1 || usage(&exporter) < busy / 1.2);

    worker.set(0, 1);
    worker.finish();
    wait_for("all comes back", || {
        sleep(Duration::from_secs(1)); // scrapes have their cost
        exporter.scrape().sum(SHED, &[]) == 0
    });
    let after = exporter.scrape();
    assert_eq!(after.sum("kernel_exporter_collector_up", &[]), 3);
    assert!(after.sum(STEPS, &[("result", "down")]) >= 1);
    assert_eq!(after.sum(STEPS, &[("result", "down")]), after.sum(STEPS, &[("result", "up")]));
    assert_eq!(after.sum(STEPS, &[("result", "failed")]), 0);
}

/// Not even everything together can be kept within such a budget: the exporter goes on, and says so.
#[test]
fn everything_can_be_given_up() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config("0.001%"));
    let reason = [("reason", "over_budget")];
    wait_for("all is given up", || exporter.scrape().sum("kernel_exporter_collector_reason", &reason) == 3);
    assert_eq!(exporter.scrape().sum("kernel_exporter_collector_up", &[]), 0);
    assert!(exporter.reload(&config("off")), "{}", exporter.log());
    assert_eq!(exporter.scrape().sum("kernel_exporter_collector_up", &[]), 3);
}
