//! Metrics of the `network` collector.

use crate::{
    catalogue::{Key, Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static DROPS: Metric = Metric {
    name: "kernel.network.drops",
    kind: Kind::Counter,
    unit: Unit::Things("packet"),
    help: "Packets that the kernel threw away, in all network namespaces, by its own reason; `not_specified` is from places \
           that give none, where some packets are thrown away that nobody misses",
    identity: &[],
    attributes: &[&keys::DROP_REASON],
    source: "tracepoint skb:kfree_skb (net/core/skbuff.c)",
};

/// Labels of what a device does.
const DEVICE: &[&Key] = &[&keys::NETWORK_INTERFACE, &keys::NETWORK_DIRECTION];

/// See its help.
pub static IO: Metric = Metric {
    name: "system.network.io",
    kind: Kind::Counter,
    unit: Unit::Bytes,
    help: "Bytes that the host's network devices carried",
    identity: &[],
    attributes: DEVICE,
    source: "/proc/net/dev (net/core/net-procfs.c)",
};

/// See its help.
pub static PACKETS: Metric = Metric {
    name: "system.network.packet.count",
    kind: Kind::Counter,
    unit: Unit::Things("packet"),
    help: "Packets that the host's network devices carried",
    identity: &[],
    attributes: DEVICE,
    source: "/proc/net/dev (net/core/net-procfs.c)",
};

/// See its help.
pub static DEVICE_DROPS: Metric = Metric {
    name: "system.network.packet.dropped",
    kind: Kind::Counter,
    unit: Unit::Things("packet"),
    help: "Packets that the host's network devices dropped though nothing was wrong with them, as the devices count it",
    identity: &[],
    attributes: DEVICE,
    source: "/proc/net/dev (net/core/net-procfs.c)",
};

/// See its help.
pub static ERRORS: Metric = Metric {
    name: "system.network.errors",
    kind: Kind::Counter,
    unit: Unit::Things("error"),
    help: "Errors that the host's network devices found",
    identity: &[],
    attributes: DEVICE,
    source: "/proc/net/dev (net/core/net-procfs.c)",
};

/// See its help.
pub static SOFTNET_PACKETS: Metric = Metric {
    name: "kernel.network.softnet.packets",
    kind: Kind::Counter,
    unit: Unit::Things("packet"),
    help: "Packets that soft interrupts received, in all network namespaces; one that is passed on counts again",
    identity: &[],
    attributes: &[],
    source: "first column of /proc/net/softnet_stat (net/core/net-procfs.c)",
};

/// See its help.
pub static SOFTNET_DROPS: Metric = Metric {
    name: "kernel.network.softnet.drops",
    kind: Kind::Counter,
    unit: Unit::Things("packet"),
    help: "Packets that were dropped because a CPU's backlog was full (net.core.netdev_max_backlog)",
    identity: &[],
    attributes: &[],
    source: "second column of /proc/net/softnet_stat (net/core/net-procfs.c)",
};

/// See its help.
pub static SOFTNET_SQUEEZES: Metric = Metric {
    name: "kernel.network.softnet.squeezes",
    kind: Kind::Counter,
    unit: Unit::Things("squeeze"),
    help: "Times that receiving was broken off with work left, because its budget of packets or time was used up \
           (net.core.netdev_budget, netdev_budget_usecs)",
    identity: &[],
    attributes: &[],
    source: "third column of /proc/net/softnet_stat (net/core/net-procfs.c)",
};

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "network",
    about: "Packets that were dropped, by the kernel's reason, in all network namespaces; what the host's own network \
            devices carried; and whether CPUs kept up with receiving.",
    metrics: &[
        &DROPS,
        &IO,
        &PACKETS,
        &DEVICE_DROPS,
        &ERRORS,
        &SOFTNET_PACKETS,
        &SOFTNET_DROPS,
        &SOFTNET_SQUEEZES,
    ],
};

#[cfg(test)]
mod tests {
    use opentelemetry_semantic_conventions::{attribute, metric};

    use super::*;

    #[test]
    fn names_are_those_of_the_semantic_conventions() {
        assert_eq!(
            [&IO, &PACKETS, &DEVICE_DROPS, &ERRORS].map(|metric| metric.name),
            [
                metric::SYSTEM_NETWORK_IO,
                metric::SYSTEM_NETWORK_PACKET_COUNT,
                metric::SYSTEM_NETWORK_PACKET_DROPPED,
                metric::SYSTEM_NETWORK_ERRORS
            ]
        );
        assert_eq!(keys::NETWORK_INTERFACE.otlp, attribute::NETWORK_INTERFACE_NAME);
        assert_eq!(keys::NETWORK_DIRECTION.otlp, attribute::NETWORK_IO_DIRECTION);
    }
}
