//! What the programs and the user's side of the collector `tcp` agree on.

/// Series, by their numbers in [`RowKey`](crate::rows::RowKey).
pub mod series {
    /// Durations of connects; the attribute is the [`outcome`](super::outcome), times two, plus one for loopback.
    pub const CONNECT: u32 = 1;
    /// Lifetimes of connections.
    pub const LIFETIME: u32 = 2;
    /// Smoothed round-trip times; the attribute is 1 for loopback.
    pub const ROUND_TRIP: u32 = 3;
    /// Opens; the attribute is one of [`open`](super::open).
    pub const OPENS: u32 = 4;
    /// Closes; the attribute is the last state before.
    pub const CLOSES: u32 = 5;
    /// Bytes of connections that have ended; the attribute is a [`direction`](super::direction).
    pub const BYTES: u32 = 6;
    /// Segments that were sent again; the attribute is the state.
    pub const RETRANSMITS: u32 = 7;
    /// Resets; the attribute is a [`direction`](super::direction).
    pub const RESETS: u32 = 8;
    /// What a full accept queue has refused; the attribute is one of [`refused`](super::refused).
    pub const OVERFLOWS: u32 = 9;
    /// Round-trip times, each; the attribute is 1 for loopback.
    pub const EACH_ROUND_TRIP: u32 = 10;
}

/// What a program of a cgroup's sockets is called for (`BPF_SOCK_OPS_*_CB`, include/uapi/linux/bpf.h).
pub mod operation {
    /// A connection that this end began is established.
    pub const ACTIVE_ESTABLISHED: u32 = 4;
    /// A connection that came in is established.
    pub const PASSIVE_ESTABLISHED: u32 = 5;
    /// A round trip was measured.
    pub const ROUND_TRIP: u32 = 12;
}

/// States of a socket (`TCP_*`, include/net/tcp_states.h), whose numbers are the kernel's interface.
pub mod state {
    /// Both ends can send.
    pub const ESTABLISHED: u32 = 1;
    /// This end connects.
    pub const SYN_SENT: u32 = 2;
    /// The other end connects.
    pub const SYN_RECV: u32 = 3;
    /// This end has nothing more to send.
    pub const FIN_WAIT1: u32 = 4;
    /// The other end knows it.
    pub const FIN_WAIT2: u32 = 5;
    /// The socket has become a smaller structure.
    pub const TIME_WAIT: u32 = 6;
    /// No connection.
    pub const CLOSE: u32 = 7;
    /// The other end has nothing more to send.
    pub const CLOSE_WAIT: u32 = 8;
    /// Then this end had nothing more either.
    pub const LAST_ACK: u32 = 9;
    /// Connections are accepted.
    pub const LISTEN: u32 = 10;
    /// Both ends said at the same time that they have nothing more to send.
    pub const CLOSING: u32 = 11;
    /// The socket is a request for one, a smaller structure.
    pub const NEW_SYN_RECV: u32 = 12;
}

/// Who has opened a connection.
pub mod open {
    /// This end.
    pub const ACTIVE: u32 = 0;
    /// The other one.
    pub const PASSIVE: u32 = 1;
}

/// Which way something went.
pub mod direction {
    /// From this host.
    pub const TRANSMIT: u32 = 0;
    /// To this host.
    pub const RECEIVE: u32 = 1;
}

/// What a full accept queue has refused.
pub mod refused {
    /// The first packet of a connection.
    pub const SYN: u32 = 0;
    /// The last one of the handshake.
    pub const ACK: u32 = 1;
}

/// How a connect went.
pub mod outcome {
    /// It has succeeded.
    pub const ESTABLISHED: u32 = 0;
    /// `ECONNREFUSED`
    pub const REFUSED: u32 = 1;
    /// `ETIMEDOUT`
    pub const TIMED_OUT: u32 = 2;
    /// `EHOSTUNREACH`
    pub const HOST_UNREACHABLE: u32 = 3;
    /// `ENETUNREACH`
    pub const NETWORK_UNREACHABLE: u32 = 4;
    /// `ECONNRESET`
    pub const RESET: u32 = 5;
    /// `ECONNABORTED`, by an administrator.
    pub const ABORTED: u32 = 6;
    /// Another error.
    pub const OTHER: u32 = 7;
    /// The program has closed the socket.
    pub const CLOSED: u32 = 8;
    /// Nothing was sent: there was no free port, for example.
    pub const NOT_SENT: u32 = 9;

    /// That of an error, by the numbers that errno has on all architectures this runs on; zero is none.
    #[inline(always)]
    pub const fn of_error(errno: u32) -> u32 {
        match errno {
            0 => CLOSED,
            101 => NETWORK_UNREACHABLE,
            103 => ABORTED,
            104 => RESET,
            110 => TIMED_OUT,
            111 => REFUSED,
            113 => HOST_UNREACHABLE,
            _ => OTHER,
        }
    }
}

/// Notes.
pub mod note {
    /// There was no place to remember a connection: its durations are not measured.
    pub const CONNECTION_FORGOTTEN: u32 = 0;
    /// There was no place to remember a listener: whose its connections are is not known.
    pub const LISTENER_FORGOTTEN: u32 = 1;
    /// A socket went whose end the kernel had not told, since the program was interrupting itself.
    pub const END_MISSED: u32 = 2;
}

/// Programs, by their numbers in [`RowsCpu`](crate::rows::RowsCpu).
pub mod program {
    /// `inet_sock_set_state`
    pub const STATE: u32 = 0;
    /// `tcp_destroy_sock`
    pub const DESTROY: u32 = 1;
    /// `tcp_retransmit_skb`
    pub const RETRANSMIT: u32 = 2;
    /// `tcp_retransmit_synack`
    pub const RETRANSMIT_SYNACK: u32 = 3;
    /// `tcp_send_reset`
    pub const SEND_RESET: u32 = 4;
    /// `tcp_receive_reset`
    pub const RECEIVE_RESET: u32 = 5;
    /// The entry of `tcp_conn_request`.
    pub const REQUEST: u32 = 6;
    /// The entry of `tcp_v4_syn_recv_sock`.
    pub const ACCEPT_V4: u32 = 7;
    /// The entry of `tcp_v6_syn_recv_sock`.
    pub const ACCEPT_V6: u32 = 8;
    /// What the sockets of all cgroups call.
    pub const ROUND_TRIPS: u32 = 9;
}

/// What is remembered of a socket, by its address.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Connection {
    /// Whose it is, where the socket itself does not say it.
    pub cgroup: u64,
    /// When it began to connect; 0 when it did not, or has ended. Of a listener, its port.
    pub began: u64,
    /// When it was established; 0 when it was not, or has ended.
    pub established: u64,
}

// SAFETY: `u64`s.
unsafe impl crate::Plain for Connection {}

/// By what connections find their listener.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenerKey {
    /// Address of the network namespace.
    pub namespace: u64,
    /// The local address; zero for any.
    pub address: [u64; 2],
    /// The local port.
    pub port: u64,
}

// SAFETY: `repr(C)`, no padding.
unsafe impl crate::Plain for ListenerKey {}

/// Those who listen there.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Listener {
    /// Cgroup of the last one to come.
    pub cgroup: u64,
    /// How many they are.
    pub sockets: u64,
}

// SAFETY: `u64`s.
unsafe impl crate::Plain for Listener {}

/// Field offsets and switches.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpFields {
    /// `sock.__sk_common.skc_daddr`
    pub daddr: u32,
    /// `sock.__sk_common.skc_rcv_saddr`
    pub rcv_saddr: u32,
    /// `sock.__sk_common.skc_v6_daddr`; [`ABSENT`](crate::ABSENT) without IPv6.
    pub v6_daddr: u32,
    /// `sock.__sk_common.skc_v6_rcv_saddr`; [`ABSENT`](crate::ABSENT) without IPv6.
    pub v6_rcv_saddr: u32,
    /// `sock.__sk_common.skc_num`
    pub num: u32,
    /// `sock.__sk_common.skc_family`
    pub family: u32,
    /// `sock.__sk_common.skc_state`
    pub state: u32,
    /// `sock.__sk_common.skc_net`
    pub net: u32,
    /// `sock.__sk_common.skc_flags`
    pub flags: u32,
    /// The number of `SOCK_DONE` among them.
    pub done_flag: u32,
    /// `sock.sk_protocol`
    pub protocol: u32,
    /// `sock.sk_err`
    pub error: u32,
    /// `sock.sk_ack_backlog`
    pub ack_backlog: u32,
    /// `sock.sk_max_ack_backlog`
    pub max_ack_backlog: u32,
    /// `sock.sk_cgrp_data.cgroup`; [`ABSENT`](crate::ABSENT) where the cgroup is not the socket's own but the task's that
    /// connects or listens.
    pub cgroup: u32,
    /// `tcp_sock.srtt_us`
    pub srtt_us: u32,
    /// `tcp_sock.rack.rtt_us`
    pub latest_rtt_us: u32,
    /// `tcp_sock.segs_out`
    pub segs_out: u32,
    /// `tcp_sock.bytes_sent`
    pub bytes_sent: u32,
    /// `tcp_sock.bytes_retrans`
    pub bytes_retrans: u32,
    /// `tcp_sock.bytes_received`
    pub bytes_received: u32,
    /// `sk_buff.cb` and in it `tcp_skb_cb.tcp_gso_segs`
    pub gso_segs: u32,
    /// `sk_buff.protocol`
    pub skb_protocol: u32,
    /// 1 where `tcp_retransmit_skb` tells also of what failed.
    pub retransmit_error: u32,
    /// Cells for connections, an even number.
    pub cells: u32,
}

// SAFETY: `u32`s.
unsafe impl crate::Plain for TcpFields {}
