//! Network: TCP, drops, devices, and whether CPUs keep up.

use kernel_exporter::collectors::interrupts;

use super::{
    grafana::{Dashboard, Look::*, Panel, Row},
    names::*,
    query::*,
};

const OWNER: &str = "{{namespace}} {{pod}} {{container}} {{unit}} {{container_id}} {{cgroup}}";

pub(crate) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "kernel-exporter-network",
        title: "Kernel / Network",
        description: "How TCP fares and for whom, which packets are thrown away and why, and whether CPUs keep up.",
        variables: Vec::new(),
        rows: vec![connections(), trouble(), devices(), receiving()],
    }
}

fn connections() -> Row {
    Row {
        title: "TCP connections",
        panels: vec![
            Panel::new(
                Heatmap,
                "Connect",
                "s",
                "Connects per second by how long they took, successful or not.",
            )
            .query(heatmap(TCP_CONNECT, EXPORTERS, ""), "{{le}}"),
            Panel::new(Lines, "Connect, quantiles", "s", "Of the time that a connect took.")
                .quantiles(|q| quantile(q, "", TCP_CONNECT, EXPORTERS, "")),
            Panel::new(
                Heatmap,
                "Round trip",
                "s",
                "Connections per second by their smoothed round-trip time at the end.",
            )
            .query(heatmap(TCP_RTT, EXPORTERS, ""), "{{le}}"),
            Panel::new(
                Lines,
                "Round trip, quantiles",
                "s",
                "Of the smoothed round-trip time when connections end.",
            )
            .quantiles(|q| quantile(q, "", TCP_RTT, EXPORTERS, "")),
            Panel::new(Lines, "Connects by outcome", "cps", "Per second; all but `established` have failed.")
                .query(count("outcome", TCP_CONNECT, EXPORTERS, ""), "{{outcome}}"),
            Panel::new(
                Lines,
                "Opened",
                "cps",
                "Connections per second by whose they are: those that this end began, and those that came in.",
            )
            .query(top(&by_owner(|by, more| rate(by, TCP_OPENS, EXPORTERS, more))), OWNER),
            Panel::new(Lines, "Payload", "Bps", "Bytes per second of connections that have ended, by whose they are.")
                .query(top(&by_owner(|by, more| rate(by, TCP_IO, EXPORTERS, more))), OWNER),
            Panel::new(Lines, "Lifetime, quantiles", "s", "Of connections that have ended.")
                .quantiles(|q| quantile(q, "", TCP_LIFETIME, EXPORTERS, "")),
        ],
    }
}

fn trouble() -> Row {
    Row {
        title: "What went wrong",
        panels: vec![
            Panel::new(
                Lines,
                "Segments sent again, of packets sent",
                "percentunit",
                "By node, over five minutes, as recorded. More than a few in a hundred is a network that loses packets.",
            )
            .query(top(&series(recorded::RETRANSMITS, EXPORTERS, "")), "{{instance}}"),
            Panel::new(Lines, "Segments sent again", "pps", "Per second, by whose they are.")
                .query(top(&by_owner(|by, more| rate(by, TCP_RETRANSMITS, EXPORTERS, more))), OWNER),
            Panel::new(Lines, "Resets", "cps", "Connections that were reset per second, by whose they are.")
                .query(top(&by_owner(|by, more| rate(by, TCP_RESETS, EXPORTERS, more))), OWNER),
            Panel::new(
                Lines,
                "Refused, as the accept queue was full",
                "cps",
                "Per second, by whose the listener is: the server accepts too slowly, or its backlog is too small. Where the \
                 kernel does not tell whose it is, all of the host's network namespace.",
            )
            .query(top(&by_owner(|by, more| rate(by, TCP_OVERFLOWS, EXPORTERS, more))), OWNER)
            .query(rate("instance", TCP_HOST_OVERFLOWS, EXPORTERS, ""), "{{instance}}"),
            Panel::new(Lines, "Dropped packets", "pps", "Per second, by the kernel's reason, in all network namespaces.")
                .query(top(&rate("drop_reason", NETWORK_DROPS, EXPORTERS, "")), "{{drop_reason}}"),
            Panel::new(Lines, "Drops and errors of devices", "pps", "Per second, as the host's devices count them.")
                .query(
                    top(&rate("instance, network_interface_name, network_io_direction", NETWORK_DEVICE_DROPS, EXPORTERS, "")),
                    "{{instance}} {{network_interface_name}} {{network_io_direction}} drops",
                )
                .query(
                    top(&rate("instance, network_interface_name, network_io_direction", NETWORK_ERRORS, EXPORTERS, "")),
                    "{{instance}} {{network_interface_name}} {{network_io_direction}} errors",
                ),
        ],
    }
}

fn devices() -> Row {
    let by = "instance, network_interface_name, network_io_direction";
    let legend = "{{instance}} {{network_interface_name}} {{network_io_direction}}";
    Row {
        title: "Devices",
        panels: vec![
            Panel::new(Lines, "Throughput", "Bps", "Bytes per second that the host's devices carry.")
                .query(top(&rate(by, NETWORK_IO, EXPORTERS, "")), legend),
            Panel::new(Lines, "Packets", "pps", "Packets per second that the host's devices carry.")
                .query(top(&rate(by, NETWORK_PACKETS, EXPORTERS, "")), legend),
        ],
    }
}

fn receiving() -> Row {
    let vectors = r#"softirq=~"net_.x""#;
    Row {
        title: "Whether CPUs keep up",
        panels: vec![
            Panel::new(Lines, "Wait of soft interrupts, p99", "s", "From request to start, for receiving and sending.")
                .query(quantile(0.99, "softirq", &interrupts::SOFT_LATENCY, EXPORTERS, vectors), "{{softirq}}")
                .width(8),
            Panel::new(Lines, "Time in soft interrupts", "short", "CPUs that are busy with receiving and sending.")
                .query(total("softirq", &interrupts::SOFT_DURATION, EXPORTERS, vectors), "{{softirq}}")
                .width(8),
            Panel::new(
                Lines,
                "Backlog",
                "cps",
                "Per second: packets that were received, that were dropped as a CPU's backlog was full, and times that \
                 receiving was broken off with work left.",
            )
            .query(rate("", SOFTNET_PACKETS, EXPORTERS, ""), "received")
            .query(rate("", SOFTNET_DROPS, EXPORTERS, ""), "dropped")
            .query(rate("", SOFTNET_SQUEEZES, EXPORTERS, ""), "broken off")
            .width(8),
        ],
    }
}
