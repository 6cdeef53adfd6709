//! Forty processes of a neighbour on a CPU that somebody else needs.

use crate::{
    alert::Expected,
    case::Case,
    harness::{Exporter, turn},
    rules::{self, FORMS},
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
    let exporter = Exporter::start("");
    let prometheus = rules::start(&program, &exporter, &FORMS, |_| {});
    ALERT.wait_until_compared(&prometheus);
    let mut case = Case::begin("noisy-neighbour", &exporter, 6);
    let begin = case.trouble();
    FORMS.iter().for_each(|(job, _)| ALERT.assert_silent(&prometheus, job, begin));
    ALERT.wait_until_it_fires(&prometheus);
    let (culprit, victim) = case.verdict();
    assert!(culprit.starts_with("/noisy-neighbour/neighbour: "), "{culprit}");
    assert!(victim.starts_with("/noisy-neighbour/victim: "), "{victim}");
    prometheus.assert_no_complaints();
}
