//! A network that loses packets.

use std::path::Path;

use crate::{
    alert::Expected,
    harness::turn,
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
    let (culprit, victim) = ALERT.raised_by("lossy-network", &program);
    assert!(culprit.starts_with("qdisc_drop: "), "{culprit}");
    assert!(victim.starts_with("/lossy-network/client: "), "{victim}");
    assert!(!Path::new("/sys/class/net/lossy0").exists(), "the script leaves its device");
}
