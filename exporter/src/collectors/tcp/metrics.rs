//! Metrics of the `tcp` collector.

use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static CONNECT_DURATION: Metric = Metric {
    name: "kernel.tcp.connect.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time from the begin of a connect to its outcome. A connect that finds no route does not begin",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::CONNECT_OUTCOME, &keys::PEER_SCOPE],
    source: "tracepoint sock:inet_sock_set_state, from SYN_SENT to another state (net/ipv4/af_inet.c)",
};

/// See its help.
pub static CONNECTION_DURATION: Metric = Metric {
    name: "kernel.tcp.connection.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Lifetime of connections that have ended, from the handshake's last packet to the end of the socket, without \
           the time in TIME_WAIT. Those that are older than the exporter are missing",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sock:inet_sock_set_state, to CLOSE",
};

/// See its help.
pub static ROUND_TRIP: Metric = Metric {
    name: "kernel.tcp.rtt",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Smoothed round-trip time of connections, as the kernel has it when they are no longer established and, if that \
           is later, when they have ended: one or two samples per connection",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::PEER_SCOPE],
    source: "tracepoint sock:inet_sock_set_state, tcp_sock.srtt_us (net/ipv4/tcp_input.c)",
};

/// See its help.
pub static EACH_ROUND_TRIP: Metric = Metric {
    name: "kernel.tcp.round_trip.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Round-trip times as the kernel measured them, each, of connections that were established since the collector \
           began; only with `round_trips: true`. Before Linux 6.10 that of the segment sent last among those that a packet \
           acknowledged",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::PEER_SCOPE],
    source: "sock_ops at the root of cgroup v2, BPF_SOCK_OPS_RTT_CB (tcp_rtt_estimator, net/ipv4/tcp_input.c)",
};

/// See its help.
pub static OPENS: Metric = Metric {
    name: "kernel.tcp.opens",
    kind: Kind::Counter,
    unit: Unit::Things("connection"),
    help: "Connections that this end began (`active`, also those that did not come about) or that came in (`passive`), as \
           ActiveOpens and PassiveOpens of /proc/net/snmp, of all network namespaces",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::OPEN_TYPE],
    source: "tracepoint sock:inet_sock_set_state, from CLOSE to SYN_SENT and from LISTEN to SYN_RECV",
};

/// See its help.
pub static CLOSES: Metric = Metric {
    name: "kernel.tcp.closes",
    kind: Kind::Counter,
    unit: Unit::Things("connection"),
    help: "Connections that have ended, by their last state: `last_ack`, `closing` and most of `fin_wait_2` in order, \
           `established` and `close_wait` by a reset or for lack of an answer (EstabResets of /proc/net/snmp)",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::CONNECTION_STATE],
    source: "tracepoint sock:inet_sock_set_state, to CLOSE",
};

/// See its help.
pub static BYTES: Metric = Metric {
    name: "kernel.tcp.io",
    kind: Kind::Counter,
    unit: Unit::Bytes,
    help: "Payload of connections that have ended, over their whole life: what was sent, each byte once, and what was \
           received",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::NETWORK_DIRECTION],
    source: "tracepoint sock:inet_sock_set_state, to CLOSE; tcp_sock.bytes_sent, bytes_retrans, bytes_received",
};

/// See its help.
pub static RETRANSMITS: Metric = Metric {
    name: "kernel.tcp.retransmits",
    kind: Kind::Counter,
    unit: Unit::Things("segment"),
    help: "Segments that were sent again, by the connection's state; `syn_received` is the SYN-ACK. Only what could be sent, \
           as RetransSegs of /proc/net/snmp of all network namespaces otherwise",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::CONNECTION_STATE],
    source: "tracepoints tcp:tcp_retransmit_skb, tcp:tcp_retransmit_synack (net/ipv4/tcp_output.c)",
};

/// See its help.
pub static RESETS: Metric = Metric {
    name: "kernel.tcp.resets",
    kind: Kind::Counter,
    unit: Unit::Things("segment"),
    help: "Resets that were sent or received. Those for which there is no socket, such as refusals where nobody listens, are in \
           the fold, and before Linux 6.10 they are missing",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::NETWORK_DIRECTION],
    source: "tracepoints tcp:tcp_send_reset, tcp:tcp_receive_reset (net/ipv4/tcp_ipv4.c)",
};

/// See its help.
pub static OVERFLOWS: Metric = Metric {
    name: "kernel.tcp.listen.overflows",
    kind: Kind::Counter,
    unit: Unit::Things("segment"),
    help: "Packets that opened or completed connections and were dropped because the listener's queue of connections to \
           accept was full, as ListenOverflows of /proc/net/netstat, of all network namespaces",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::HANDSHAKE_SEGMENT],
    source: "entry of tcp_conn_request, tcp_v4_syn_recv_sock, tcp_v6_syn_recv_sock (net/ipv4/tcp_input.c)",
};

/// See its help.
pub static HOST_OVERFLOWS: Metric = Metric {
    name: "kernel.tcp.host.listen.overflows",
    kind: Kind::Counter,
    unit: Unit::Things("segment"),
    help: "The same of the network namespace of process 1 only, where kernel.tcp.listen.overflows has all",
    identity: &[],
    attributes: &[],
    source: "ListenOverflows of /proc/1/net/netstat",
};

/// See its help.
pub static HOST_DROPS: Metric = Metric {
    name: "kernel.tcp.host.listen.drops",
    kind: Kind::Counter,
    unit: Unit::Things("segment"),
    help: "Packets that opened or completed connections and were dropped for any reason: overflows, too many requests, no \
           memory. Of the network namespace of process 1 only",
    identity: &[],
    attributes: &[],
    source: "ListenDrops of /proc/1/net/netstat",
};

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "tcp",
    about: "What becomes of TCP connections: how long connecting took and how it went, how long connections lived, what they \
            carried, how often they were reset and what had to be sent again. Connections are their socket's cgroup's with \
            cgroup v2 (for those that come in, the listener's); with cgroup v1 that of the task which connects or listens, \
            so connections to a listener that is older than the exporter are in the fold.",
    metrics: &[
        &CONNECT_DURATION,
        &CONNECTION_DURATION,
        &ROUND_TRIP,
        &EACH_ROUND_TRIP,
        &OPENS,
        &CLOSES,
        &BYTES,
        &RETRANSMITS,
        &RESETS,
        &OVERFLOWS,
        &HOST_OVERFLOWS,
        &HOST_DROPS,
    ],
};
