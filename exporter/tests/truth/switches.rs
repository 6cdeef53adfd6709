//! Context switches are counted exactly.

use std::io::{Read as _, Write as _};

use crate::harness::*;

/// In each of them at least one of the pair waits for the other.
const ROUNDS: u64 = 20_000;

/// A pair of processes that is born, plays and dies in a cgroup, together with its parent, which sleeps
/// during both reads. With Σ over these three tasks, the last switches of the dead pair included:
///
/// - voluntary switches = Σ nvcsw, involuntary switches = Σ nivcsw
/// - finished slices = run-queue waits = Σ (nvcsw + nivcsw): every slice ends in one switch, and before every
///   slice there was a wait, however short
/// - finished sleeps = Σ nvcsw − 2: nobody wakes up from his death. The parent's sleep at the second read
///   is not over, but the one at the first read is.
#[test]
fn a_pair_of_processes_is_counted_exactly() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("pair");
    let mut worker = Worker::spawn(
        "truth-pair",
        &cgroup,
        || pin(last_cpu()),
        |job| {
            let ((ping_in, ping_out), (pong_in, pong_out)) = (pipe(), pipe());
            let pair = [(ping_in, pong_out, false), (pong_in, ping_out, true)].map(
                |(mut receive, mut send, begins)| {
                    fork(move || {
                        for round in 0..ROUNDS {
                            if !begins || round > 0 {
                                receive.read_exact(&mut [0]).expect("a partner");
                            }
                            send.write_all(&[0]).expect("a partner");
                        }
                    })
                },
            );
            job.set_counts(
                pair.into_iter().map(|pid| end_of(pid).leader).fold(Counts::default(), std::ops::Add::add),
            );
        },
    );

    let (between, own) = exporter.during(|| worker.work_measured());

    let truth = own + worker.counts();
    let of_cgroup = ("cgroup", cgroup.path.as_str());
    let switches =
        |kind| between.count("kernel_scheduler_context_switches_total", &[of_cgroup, ("type", kind)]);
    assert!(truth.voluntary >= ROUNDS, "one waits in every round: {truth:?}");
    assert_eq!(switches("voluntary"), truth.voluntary, "voluntary");
    assert_eq!(switches("involuntary"), truth.involuntary, "involuntary");
    let slices = between.count("kernel_scheduler_on_cpu_duration_seconds_count", &[of_cgroup]);
    assert_eq!(slices, truth.switches(), "slices");
    let waits = between.count("kernel_scheduler_run_queue_latency_seconds_count", &[of_cgroup]);
    assert_eq!(waits, truth.switches(), "waits");
    let sleeps = between.count("kernel_scheduler_off_cpu_duration_seconds_count", &[of_cgroup]);
    assert_eq!(sleeps, truth.voluntary - 2, "sleeps");

    // The process collector, which takes the kernel's sums instead of counting, says the same.
    let switches = |kind| {
        between.count("process_context_switches_total", &[of_cgroup, ("process_context_switch_type", kind)])
    };
    assert_eq!(switches("voluntary"), truth.voluntary, "voluntary, by process");
    assert_eq!(switches("involuntary"), truth.involuntary, "involuntary, by process");
}
