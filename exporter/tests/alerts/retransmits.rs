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
    // The ratio is there when something was sent again for the first time; what it is a part of is there before.
    reads: "system_network_packet_count_total",
    labels: &[],
    summary: "node sends many TCP segments again.",
    description: "",
};

#[test]
fn a_lossy_network_is_noticed() {
    let Some(_turn) = turn() else { return };
    let program = or_skip!(prometheus_tool("prometheus"));
    let exporter = Exporter::start("");
    let prometheus = rules::start(&program, &exporter, &FORMS, |_| {});
    ALERT.wait_until_compared(&prometheus);
    let mut case = Case::begin("lossy-network", &exporter, 6);
    let begin = case.trouble();
    FORMS.iter().for_each(|(job, _)| ALERT.assert_silent(&prometheus, job, begin));
    ALERT.wait_until_it_fires(&prometheus);
    let (culprit, victim) = case.verdict();
    assert!(culprit.starts_with("qdisc_drop: "), "{culprit}");
    assert!(victim.starts_with("/lossy-network/client: "), "{victim}");
    prometheus.assert_no_complaints();
    assert!(!Path::new("/sys/class/net/lossy0").exists(), "the script leaves its device");
}
