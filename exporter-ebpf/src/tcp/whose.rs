//! Whose a socket is.
//!
//! With cgroup v2 the kernel keeps the cgroup in the socket: that of the task that made it, and for a connection that
//! came in that of its listener. With cgroup v1 it does not know the hierarchy that is asked for, so programs remember the
//! task that connects or listens, which are the two moments when the current task is the one that it is about.

use exporter_common::{ABSENT, tcp::Connection};
use exporter_ebpf::{cgroup, rows};

use crate::{fields::field, listeners, memory, socket::Socket};

/// The cgroup of any socket; 0 when it is not known.
#[inline(always)]
pub fn of(socket: Socket) -> u64 {
    if must_be_remembered() {
        of_known(socket, memory::find(socket).map(<*mut _>::cast_const))
    } else {
        of_known(socket, None)
    }
}

/// The same, where what is remembered was looked up before.
#[inline(always)]
pub fn of_known(socket: Socket, known: Option<*const Connection>) -> u64 {
    if !rows::keeps_cgroup() {
        0
    } else if is_kept_in_sockets() {
        cgroup::id(socket.as_struct().follow(field!(cgroup)))
    } else {
        // SAFETY: a map's value.
        known.map_or(0, |known| unsafe { (*known).cgroup })
    }
}

/// The cgroup of a socket that the current task lets connect or listen.
#[inline(always)]
pub fn of_own(socket: Socket) -> u64 {
    if is_kept_in_sockets() { of(socket) } else { rows::current_cgroup() }
}

/// The cgroup of a socket that was just made for a connection that came in.
#[inline(always)]
pub fn of_accepted(socket: Socket) -> u64 {
    if must_be_remembered() { listeners::cgroup_of(socket) } else { of(socket) }
}

/// Whether whose a socket is must be remembered.
#[inline(always)]
pub fn must_be_remembered() -> bool {
    rows::keeps_cgroup() && !is_kept_in_sockets()
}

#[inline(always)]
fn is_kept_in_sockets() -> bool {
    field!(cgroup) != ABSENT
}
