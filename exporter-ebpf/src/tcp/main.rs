//! Hook family `tcp`, for the collector of that name.
//!
//! No program runs per packet: what there is to tell is told when a socket's state changes, by rare events and, where the
//! config asks for it, once per round trip. Most of them come in soft interrupts, where the current task is nobody's
//! ([`whose`] says whose they are).
#![no_std]
#![no_main]

mod connections;
mod fields;
mod listeners;
mod memory;
mod round_trips;
mod socket;
mod whose;

use aya_ebpf::{
    macros::{btf_tracepoint, fentry, sock_ops},
    programs::{BtfTracePointContext, FEntryContext, SockOpsContext},
};
use exporter_common::tcp::{direction, program, refused, series, state};
use exporter_ebpf::{kernel::Struct, rows::Cpu};

use crate::{fields::field, socket::Socket};

exporter_ebpf::rows!();

/// `inet_sock_set_state`: a socket goes from one state to another.
#[btf_tracepoint(function = "inet_sock_set_state")]
fn inet_sock_set_state(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::STATE, |cpu| {
        let (old, new): (u32, u32) = (ctx.arg(1), ctx.arg(2));
        // What is left are steps of an orderly end, of which there is nothing to tell.
        if new > state::SYN_RECV && new != state::CLOSE && new != state::LISTEN && old != state::ESTABLISHED {
            return;
        }
        let socket = Socket::new(ctx.arg(0));
        if !socket.is_tcp() {
            return;
        }
        match (old, new) {
            (state::CLOSE, state::SYN_SENT) => connections::connect(cpu, socket),
            (state::SYN_SENT, state::ESTABLISHED | state::SYN_RECV) => connections::connected(cpu, socket),
            (state::SYN_SENT, state::CLOSE) => connections::not_connected(cpu, socket),
            (state::LISTEN, state::SYN_RECV) => connections::accept(cpu, socket),
            (state::CLOSE, state::LISTEN) => listeners::begin(cpu, socket),
            (state::LISTEN, state::CLOSE) => listeners::end(socket),
            (state::CLOSE, state::CLOSE) => {}
            (_, state::CLOSE) => connections::end(cpu, socket, old),
            (state::ESTABLISHED, _) => connections::observe_round_trip(cpu, socket),
            _ => {}
        }
    })
}

/// `tcp_destroy_sock`: a socket goes, after its end.
#[btf_tracepoint(function = "tcp_destroy_sock")]
fn tcp_destroy_sock(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::DESTROY, |cpu| connections::destroy(cpu, Socket::new(ctx.arg(0))))
}

/// `tcp_retransmit_skb`: segments are sent again.
#[btf_tracepoint(function = "tcp_retransmit_skb")]
fn tcp_retransmit_skb(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::RETRANSMIT, |cpu| {
        if field!(retransmit_error) == 1 && ctx.arg::<i32>(2) != 0 {
            return;
        }
        let socket = Socket::new(ctx.arg(0));
        let segments: u16 = Struct::new(ctx.arg(1)).read(field!(gso_segs));
        cpu.count(series::RETRANSMITS, socket.state(), whose::of(socket), u64::from(segments.max(1)));
    })
}

/// `tcp_retransmit_synack`: the answer to a request for a connection is sent again.
#[btf_tracepoint(function = "tcp_retransmit_synack")]
fn tcp_retransmit_synack(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::RETRANSMIT_SYNACK, |cpu| {
        // The socket is that of the listener.
        cpu.count(series::RETRANSMITS, state::SYN_RECV, whose::of(Socket::new(ctx.arg(0))), 1);
    })
}

/// `tcp_send_reset`: a connection is reset, or refused.
#[btf_tracepoint(function = "tcp_send_reset")]
fn tcp_send_reset(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::SEND_RESET, |cpu| {
        // From Linux 6.10 on it is told also where there is no socket, or what has become of one.
        let cgroup = Socket::new(ctx.arg(0)).if_whole().map_or(0, whose::of);
        cpu.count(series::RESETS, direction::TRANSMIT, cgroup, 1);
    })
}

/// `tcp_receive_reset`: the other end resets or refuses a connection.
#[btf_tracepoint(function = "tcp_receive_reset")]
fn tcp_receive_reset(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::RECEIVE_RESET, |cpu| {
        cpu.count(series::RESETS, direction::RECEIVE, whose::of(Socket::new(ctx.arg(0))), 1);
    })
}

/// `tcp_conn_request`: the first packet of a connection has come.
#[fentry]
fn tcp_conn_request(ctx: FEntryContext) -> i32 {
    rows().measured(program::REQUEST, |cpu| count_overflow(cpu, Socket::new(ctx.arg(2)), refused::SYN))
}

/// `tcp_v4_syn_recv_sock`: the last packet of a handshake has come.
#[fentry]
fn tcp_v4_syn_recv_sock(ctx: FEntryContext) -> i32 {
    rows().measured(program::ACCEPT_V4, |cpu| count_overflow(cpu, Socket::new(ctx.arg(0)), refused::ACK))
}

/// `tcp_v6_syn_recv_sock`: the same; for IPv4 it calls the other one.
#[fentry]
fn tcp_v6_syn_recv_sock(ctx: FEntryContext) -> i32 {
    /// `ETH_P_IP`, in the network's order.
    const IPV4: u16 = 0x0800_u16.to_be();
    rows().measured(program::ACCEPT_V6, |cpu| {
        if Struct::new(ctx.arg(1)).read::<u16>(field!(skb_protocol)) != IPV4 {
            count_overflow(cpu, Socket::new(ctx.arg(0)), refused::ACK);
        }
    })
}

/// Called for the sockets of all cgroups: something is asked or told of a connection.
#[sock_ops]
fn all_sockets(ctx: SockOpsContext) -> u32 {
    rows().measured(program::ROUND_TRIPS, |cpu| round_trips::follow(cpu, &ctx));
    1
}

/// Counts what the kernel is about to refuse, as it does where it then counts `ListenOverflows`.
#[inline(always)]
fn count_overflow(cpu: Cpu, listener: Socket, what: u32) {
    if listener.accept_queue_is_full() {
        cpu.count(series::OVERFLOWS, what, whose::of(listener), 1);
    }
}
