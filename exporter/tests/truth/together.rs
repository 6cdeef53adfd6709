//! Cgroups that are not told apart.

use std::{
    fs,
    io::{Read as _, Write as _},
};

use crate::harness::*;

const SWITCHES: &str = "kernel_scheduler_context_switches_total";

/// With `by: none` one series has what all cgroups did: at least what two of them are known to have done, at most
/// what the kernel has counted on all CPUs (to and from its idle tasks, too). It takes no slots.
#[test]
fn one_series_has_it_all() {
    const ROUNDS: u64 = 5_000;
    let Some(_turn) = turn() else { return };
    let mut exporter = Exporter::start("collectors: {scheduler: {by: none}, process: {enabled: false}}");
    let cgroups = ["together-1", "together-2"].map(Cgroup::make);
    let mut workers: Vec<_> = cgroups
        .iter()
        .map(|cgroup| {
            Worker::spawn(
                "truth-together",
                cgroup,
                || pin(last_cpu()),
                |_| {
                    let ((mut ping, mut to_ping), (mut pong, mut to_pong)) = (pipe(), pipe());
                    let partner = fork(move || {
                        for _ in 0..ROUNDS {
                            pong.read_exact(&mut [0]).expect("a partner");
                            to_ping.write_all(&[0]).expect("a partner");
                        }
                    });
                    for _ in 0..ROUNDS {
                        to_pong.write_all(&[0]).expect("a partner");
                        ping.read_exact(&mut [0]).expect("a partner");
                    }
                    end_of(partner);
                },
            )
        })
        .collect();

    let before = switches_of_all_cpus();
    let (between, known) = exporter.during(|| {
        let counts: Vec<_> = workers.iter_mut().map(|worker| worker.work_measured().switches()).collect();
        counts.into_iter().sum::<u64>()
    });
    let all = switches_of_all_cpus() - before;

    assert!(known >= 2 * ROUNDS, "each waits in every round: {known}");
    let counted = between.count(SWITCHES, &[]);
    assert!((known..=all).contains(&counted), "{known} ≤ {counted} ≤ {all}");
    let scrape = exporter.scrape();
    assert_eq!(scrape.series(SWITCHES, &[]).count(), 2, "one of each type");
    assert_eq!(scrape.series("kernel_scheduler_run_queue_latency_seconds_count", &[]).count(), 1);
    assert!(exporter.reload("collectors: {scheduler: {by: cgroup}, process: {enabled: false}}"));
    let labels = [("cgroup", cgroups[0].path.as_str())];
    let (between, known) = exporter.during(|| workers[0].work_measured().switches());
    assert!(between.count(SWITCHES, &labels) >= known, "cgroups are told apart again");
    exporter.signal(libc::SIGTERM);
    assert!(exporter.wait().success());
}

/// Context switches of this machine, by `/proc/stat`.
fn switches_of_all_cpus() -> u64 {
    let stat = fs::read_to_string("/proc/stat").expect("every Linux has it");
    let line = stat.lines().find_map(|line| line.strip_prefix("ctxt ")).expect("a total");
    line.parse().expect("a number")
}
