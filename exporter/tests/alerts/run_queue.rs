//! Forty processes of a neighbour on a CPU that somebody else needs.

use crate::{
    alert::Expected,
    harness::turn,
    tools::{or_skip, prometheus_tool},
};

const ALERT: Expected<'_> = Expected {
    name: "KernelRunQueueLatencyHigh",
    reads: "instance:kernel_scheduler_run_queue_latency_seconds:p99_rate5m",
    labels: &[],
    summary: "Tasks on node wait long for a CPU.",
    description: "A hundredth of the slices began after more than ",
};

#[test]
fn a_noisy_neighbour_is_noticed() {
    let Some(_turn) = turn() else { return };
    let program = or_skip!(prometheus_tool("prometheus"));
    let (culprit, victim) = ALERT.raised_by("noisy-neighbour", &program);
    assert!(culprit.starts_with("/noisy-neighbour/neighbour: "), "{culprit}");
    assert!(victim.starts_with("/noisy-neighbour/victim: "), "{victim}");
}
