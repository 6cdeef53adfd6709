//! Collector `tcp`.

mod fields;
mod host;
mod metrics;

pub use metrics::*;

use anyhow::Result;
use exporter_common::{
    ABSENT,
    cells::Cell,
    tcp::{
        Connection, Listener, ListenerKey, TcpFields, direction, open, outcome, program, refused, series,
        state,
    },
};

use super::{Books, Description, registry::Kernel, rows::RowsCollector};
use crate::{
    catalogue::{Metric, keys},
    config::{self, By, Config, Detail, Limits},
    hooks::{
        rows::{Hook, Layout, Plan, Program},
        rung::{Missing, Rung},
    },
    kernel::object::{HASH_HEAD, Object},
    refusal::{Reason, Refusal},
    snapshot::Labels,
};
use host::Host;

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/tcp.o"));

/// Listeners that are remembered where sockets do not say whose they are.
const LISTENERS: u32 = 4096;

/// Names of what is counted, and what is read elsewhere.
pub struct Tcp {
    host: Host,
}

impl RowsCollector for Tcp {
    const DESCRIPTION: &'static Description = &DESCRIPTION;
    const FAMILY: &'static str = "tcp";
    const RUNGS: &'static [Rung] = &[Rung::tp_btf(OBJECT)];
    const SERIES: &'static [Option<&'static Metric>] = &[
        None,
        Some(&CONNECT_DURATION),
        Some(&CONNECTION_DURATION),
        Some(&ROUND_TRIP),
        Some(&OPENS),
        Some(&CLOSES),
        Some(&BYTES),
        Some(&RETRANSMITS),
        Some(&RESETS),
        Some(&OVERFLOWS),
        Some(&EACH_ROUND_TRIP),
    ];
    const NOTES: &'static [&'static str] = &["connection_forgotten", "listener_forgotten", "end_missed"];
    type Section = config::Tcp;
    type Fields = TcpFields;

    fn section(config: &Config) -> &config::Tcp {
        &config.collectors.tcp
    }

    fn layout(section: &config::Tcp, limits: &Limits) -> Layout {
        Layout {
            keep_cgroup: section.by != By::None,
            durations: section.detail == Detail::Histograms,
            fixed_counters: Vec::new(),
            fixed_histograms: Vec::new(),
            // About ten counters and five histograms per cgroup that has connections.
            counters: limits.slots.saturating_mul(4),
            histograms: limits.slots,
        }
    }

    fn maps(section: &config::Tcp) -> Vec<(&'static str, u32, usize)> {
        let crowded = HASH_HEAD + size_of::<u64>() + size_of::<Connection>();
        let listener = HASH_HEAD + size_of::<ListenerKey>() + size_of::<Listener>();
        vec![
            ("CONNECTIONS", cells(section), size_of::<Cell<Connection>>()),
            // However badly they are spread, so many find a place.
            ("CROWDED", section.connections, crowded),
            ("LISTENERS", LISTENERS, listener),
        ]
    }

    fn plan(kernel: &Kernel, section: &config::Tcp, limits: &Limits) -> Result<(Plan<TcpFields>, Self)> {
        let fields = TcpFields { cells: cells(section), ..fields::of(kernel)? };
        let layout = Self::layout(section, limits);
        let remembers = layout.durations || layout.keep_cgroup && fields.cgroup == ABSENT;
        let plan = Plan {
            family: Self::FAMILY,
            rungs: Self::RUNGS,
            fields,
            programs: programs(remembers, layout.durations && section.round_trips),
            missing: missing(kernel),
            layout,
            maps: Self::maps(section),
        };
        Ok((plan, Self { host: Host::begin() }))
    }

    fn labels(&self, of: u32, attribute: u32) -> Labels {
        match of {
            series::CONNECT => {
                Labels::new([(&keys::CONNECT_OUTCOME, outcome(attribute / 2)), scope(attribute % 2)])
            }
            series::ROUND_TRIP | series::EACH_ROUND_TRIP => Labels::new([scope(attribute)]),
            series::OPENS => {
                let how = if attribute == open::ACTIVE { "active" } else { "passive" };
                Labels::new([(&keys::OPEN_TYPE, how)])
            }
            series::CLOSES | series::RETRANSMITS => {
                Labels::new([(&keys::CONNECTION_STATE, state(attribute))])
            }
            series::BYTES | series::RESETS => {
                let way = if attribute == direction::TRANSMIT { "transmit" } else { "receive" };
                Labels::new([(&keys::NETWORK_DIRECTION, way)])
            }
            series::OVERFLOWS => {
                let what = if attribute == refused::SYN { "syn" } else { "ack" };
                Labels::new([(&keys::HANDSHAKE_SEGMENT, what)])
            }
            _ => Labels::default(),
        }
    }

    fn read_more(&mut self, _: &Object, books: &mut Books) -> Result<()> {
        self.host.read(books)
    }

    fn close_more(&mut self, books: &mut Books) {
        self.host.close(books);
    }
}

/// Cells for connections; each has the two of a pair to choose from.
fn cells(section: &config::Tcp) -> u32 {
    section.connections.next_multiple_of(2)
}

/// In this order no connection is remembered that would not be forgotten.
fn programs(remembers: bool, round_trips: bool) -> Vec<Program> {
    let tracepoint = |name, number, loses| Program { name, number, hook: Hook::Tracepoint, loses };
    let entry = |name, number, loses| Program { name, number, hook: Hook::Entry(name), loses: Some(loses) };
    let destroy = tracepoint("tcp_destroy_sock", program::DESTROY, None);
    let others = [
        tracepoint("inet_sock_set_state", program::STATE, None),
        tracepoint("tcp_retransmit_skb", program::RETRANSMIT, Some("segments that were sent again")),
        tracepoint(
            "tcp_retransmit_synack",
            program::RETRANSMIT_SYNACK,
            Some("SYN-ACKs that were sent again"),
        ),
        tracepoint("tcp_send_reset", program::SEND_RESET, Some("resets that were sent")),
        tracepoint("tcp_receive_reset", program::RECEIVE_RESET, Some("resets that were received")),
        entry(
            "tcp_conn_request",
            program::REQUEST,
            "requests that overflow a listener's queue, by container",
        ),
        entry(
            "tcp_v4_syn_recv_sock",
            program::ACCEPT_V4,
            "connections over IPv4 that overflow a listener's queue, by container",
        ),
        entry(
            "tcp_v6_syn_recv_sock",
            program::ACCEPT_V6,
            "connections over IPv6 that overflow a listener's queue, by container",
        ),
    ];
    let each = Program {
        name: "all_sockets",
        number: program::ROUND_TRIPS,
        hook: Hook::Sockets,
        loses: Some("each round trip"),
    };
    let first = remembers.then_some(destroy).into_iter();
    first.chain(others).chain(round_trips.then_some(each)).collect()
}

/// What is known to be missing.
fn missing(kernel: &Kernel) -> Vec<Missing> {
    let tells_of_all = fields::has_argument(&kernel.btf, "tcp_send_reset", 2);
    let of_nobody = Missing {
        loses: "resets that were sent for no socket",
        refusal: Refusal {
            reason: Reason::NoHook,
            message: "the tracepoint `tcp_send_reset` does not tell of them before Linux 6.10".to_owned(),
            fix: "use a newer kernel; /proc/net/snmp has them as OutRsts".to_owned(),
        },
    };
    if tells_of_all { Vec::new() } else { vec![of_nobody] }
}

fn scope(loopback: u32) -> (&'static crate::catalogue::Key, &'static str) {
    (&keys::PEER_SCOPE, if loopback == 1 { "loopback" } else { "network" })
}

fn outcome(number: u32) -> &'static str {
    match number {
        outcome::ESTABLISHED => "established",
        outcome::REFUSED => "refused",
        outcome::TIMED_OUT => "timed_out",
        outcome::HOST_UNREACHABLE => "host_unreachable",
        outcome::NETWORK_UNREACHABLE => "network_unreachable",
        outcome::RESET => "reset",
        outcome::ABORTED => "aborted",
        outcome::CLOSED => "closed",
        outcome::NOT_SENT => "not_sent",
        _ => "other",
    }
}

/// As semantic conventions call it.
fn state(number: u32) -> &'static str {
    match number {
        state::ESTABLISHED => "established",
        state::SYN_SENT => "syn_sent",
        state::SYN_RECV => "syn_received",
        state::FIN_WAIT1 => "fin_wait_1",
        state::FIN_WAIT2 => "fin_wait_2",
        state::CLOSE_WAIT => "close_wait",
        state::LAST_ACK => "last_ack",
        state::CLOSING => "closing",
        state::CLOSE => "closed",
        _ => "other",
    }
}
