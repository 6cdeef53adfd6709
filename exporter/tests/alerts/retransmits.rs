//! A network that loses packets.

use std::path::Path;

use crate::{
    alert::Expected,
    case::Case,
    harness::{Exporter, turn},
    rules::{self, FORMS},
    tools::{or_skip, prometheus_tool},
};

const ALERT: Expected<'_> = Expected {
    name: "KernelTcpRetransmitsHigh",
    reads: "instance:kernel_tcp_retransmits:ratio_rate5m",
    labels: &[],
    summary: "node sends many TCP segments again.",
    description: "",
};

#[test]
fn a_lossy_network_is_noticed() {
    let Some(_turn) = turn() else { return };
    let program = or_skip!(prometheus_tool("prometheus"));
    let exporter = Exporter::start("");
    let mut case = Case::begin("lossy-network", &exporter);
    let prometheus = rules::start(&program, &exporter, &FORMS, |_| {});
    ALERT.wait_for_calm(&prometheus);
    let begin = case.trouble();
    FORMS.iter().for_each(|(job, _)| ALERT.assert_silent(&prometheus, job, begin));
    ALERT.wait_until_it_fires(&prometheus);
    let (culprit, victim) = case.verdict();
    assert!(culprit.starts_with("qdisc_drop: "), "{culprit}");
    assert!(victim.starts_with("/lossy-network/client: "), "{victim}");
    prometheus.assert_no_complaints();
    assert!(!Path::new("/sys/class/net/lossy0").exists(), "the script leaves its device");
}
