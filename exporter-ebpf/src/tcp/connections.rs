//! From a connection's beginning to its end.
//!
//! Opens, closes, bytes and round trips need no memory. When a connection began and was established is remembered from the
//! change into `SYN_SENT`, or from a listener's into `SYN_RECV`, to the change into `CLOSE`, and the socket's entry is removed
//! when the kernel has done with the socket. No entry outlives its socket: `tcp_destroy_sock` comes for each, and always with
//! soft interrupts off, so that nothing interrupts the program which would make the kernel skip it. Before that the
//! change into `CLOSE` was told, also where a smaller structure goes on in `TIME_WAIT` (`inet_sock_destruct`, net/ipv4/af_inet.c,
//! frees no TCP socket in another state), unless it was this program that interrupted itself: that is noted.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use exporter_common::tcp::{Connection, direction, note, open, outcome, series, state};
use exporter_ebpf::{
    kernel::Struct,
    rows::{self, Cpu},
};

use crate::{fields::field, memory, socket::Socket, whose};

/// The current task begins to connect.
#[inline(always)]
pub fn connect(cpu: Cpu, socket: Socket) {
    let cgroup = whose::of_own(socket);
    if must_be_remembered() {
        // SAFETY: a helper without arguments.
        let connection = Connection { cgroup, began: unsafe { bpf_ktime_get_ns() }, established: 0 };
        // A socket can connect again when its connection has ended.
        if !memory::remember_anew(socket, connection) {
            cpu.note(note::CONNECTION_FORGOTTEN);
        }
    }
    cpu.count(series::OPENS, open::ACTIVE, cgroup, 1);
}

/// It has succeeded, or the other end connects to this one at the same moment.
#[inline(always)]
pub fn connected(cpu: Cpu, socket: Socket) {
    let Some(known) = known(socket) else { return };
    // SAFETY: a map's value, which nobody else changes while the socket is in this state; a helper without arguments.
    unsafe {
        let now = bpf_ktime_get_ns();
        (*known).established = now;
        observe_connect(cpu, socket, known, outcome::ESTABLISHED, now);
    }
}

/// It has not.
#[inline(always)]
pub fn not_connected(cpu: Cpu, socket: Socket) {
    let Some(known) = known(socket) else { return };
    let how = match outcome::of_error(socket.error()) {
        outcome::CLOSED if !has_sent(socket) => outcome::NOT_SENT,
        how => how,
    };
    // SAFETY: as in `connected`.
    unsafe {
        observe_connect(cpu, socket, known, how, bpf_ktime_get_ns());
        forget(known);
    }
}

/// A socket was made for a connection that came in. Unless it is a fast one, it is established in the next moment.
#[inline(always)]
pub fn accept(cpu: Cpu, socket: Socket) {
    let cgroup = whose::of_accepted(socket);
    if must_be_remembered() {
        // SAFETY: a helper without arguments.
        let connection = Connection { cgroup, began: 0, established: unsafe { bpf_ktime_get_ns() } };
        if !memory::remember(socket, connection) {
            cpu.note(note::CONNECTION_FORGOTTEN);
        }
    }
    cpu.count(series::OPENS, open::PASSIVE, cgroup, 1);
}

/// A connection ends in `last` state.
#[inline(always)]
pub fn end(cpu: Cpu, socket: Socket, last: u32) {
    let known = known(socket);
    let cgroup = whose::of_known(socket, known.map(<*mut _>::cast_const));
    cpu.count(series::CLOSES, last, cgroup, 1);
    if let Some(tcp) = socket.tcp() {
        count_bytes(cpu, socket, tcp, cgroup);
        round_trip(cpu, socket, tcp, cgroup);
    }
    let Some(known) = known else { return };
    // SAFETY: as in `connected`.
    unsafe {
        let established = (*known).established;
        if established != 0 && last != state::SYN_RECV {
            cpu.observe(series::LIFETIME, 0, cgroup, bpf_ktime_get_ns().saturating_sub(established));
        }
        forget(known);
    }
}

/// Takes the smoothed round-trip time of a connection.
#[inline(always)]
pub fn observe_round_trip(cpu: Cpu, socket: Socket) {
    if rows::durations()
        && let Some(tcp) = socket.tcp()
    {
        round_trip(cpu, socket, tcp, whose::of(socket));
    }
}

/// A socket goes, whose end was told or missed.
#[inline(always)]
pub fn destroy(cpu: Cpu, socket: Socket) {
    let Some(known) = known(socket) else { return };
    // SAFETY: as in `connected`.
    if unsafe { (*known).began | (*known).established } != 0 {
        cpu.note(note::END_MISSED);
    }
    memory::forget(socket);
}

/// Takes a connection for ended. Whose the socket is stays known: it may send a reset after its end.
///
/// # Safety
///
/// `known` is a map's value.
#[inline(always)]
unsafe fn forget(known: *mut Connection) {
    // SAFETY: the caller's promise.
    unsafe { ((*known).began, (*known).established) = (0, 0) };
}

#[inline(always)]
fn must_be_remembered() -> bool {
    rows::durations() || whose::must_be_remembered()
}

#[inline(always)]
fn known(socket: Socket) -> Option<*mut Connection> {
    if must_be_remembered() { memory::find(socket) } else { None }
}

/// # Safety
///
/// `known` is a map's value.
#[inline(always)]
unsafe fn observe_connect(cpu: Cpu, socket: Socket, known: *const Connection, how: u32, now: u64) {
    let attribute = how * 2 + u32::from(socket.is_loopback());
    // SAFETY: the caller's promise.
    let duration = now.saturating_sub(unsafe { (*known).began });
    cpu.observe(series::CONNECT, attribute, whose::of_known(socket, Some(known)), duration);
}

/// Whether it has sent anything.
#[inline(always)]
fn has_sent(socket: Socket) -> bool {
    socket.tcp().is_none_or(|tcp| tcp.read::<u32>(field!(segs_out)) != 0)
}

/// The kernel keeps it in eighths of a microsecond; zero when there was none.
#[inline(always)]
fn round_trip(cpu: Cpu, socket: Socket, tcp: Struct, cgroup: u64) {
    let eighths: u32 = tcp.read(field!(srtt_us));
    if eighths != 0 {
        let nanoseconds = u64::from(eighths) * 125;
        cpu.observe(series::ROUND_TRIP, socket.is_loopback().into(), cgroup, nanoseconds);
    }
}

/// What has gone out, each byte once, and what has come in without gaps. The kernel counts the other end's last word as
/// a byte.
#[inline(always)]
fn count_bytes(cpu: Cpu, socket: Socket, tcp: Struct, cgroup: u64) {
    let again: u64 = tcp.read(field!(bytes_retrans));
    let sent = tcp.read::<u64>(field!(bytes_sent)).saturating_sub(again);
    if sent != 0 {
        cpu.count(series::BYTES, direction::TRANSMIT, cgroup, sent);
    }
    let received = tcp.read::<u64>(field!(bytes_received)).saturating_sub(socket.is_done().into());
    if received != 0 {
        cpu.count(series::BYTES, direction::RECEIVE, cgroup, received);
    }
}
