//! What is remembered of sockets, by their addresses.
//!
//! A hash would take most of the time that a short connection costs, so it is for those sockets only whose two places in a
//! flat array are others'. Cells are taken by tickets, as [`exporter_common::cells`] says it, but here programs give them back as
//! well, so tickets are given back too, also by those who had come in vain: who reads 1 is alone, and stays so until it
//! gives its ticket back.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap},
};
use exporter_common::{
    cells::{Cell, home},
    tcp::Connection,
};
use exporter_ebpf::{atomic, cells};

use crate::{fields::field, socket::Socket};

#[map]
static CONNECTIONS: Array<Cell<Connection>> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Those without a cell.
#[map]
static CROWDED: HashMap<u64, Connection> = HashMap::with_max_entries(1, 0);

/// What is remembered of a socket.
#[inline(always)]
pub fn find(socket: Socket) -> Option<*mut Connection> {
    let address = socket.address();
    let (first, second) = places(socket);
    cells::find(&CONNECTIONS, first, address)
        .or_else(|| cells::find(&CONNECTIONS, second, address))
        .or_else(|| CROWDED.get_ptr_mut(address))
}

/// Remembers a socket of which nothing is remembered; `false` when there is no place.
#[inline(always)]
pub fn remember(socket: Socket, connection: Connection) -> bool {
    let (first, second) = places(socket);
    take(first, socket, connection)
        || take(second, socket, connection)
        || CROWDED.insert(socket.address(), connection, 0).is_ok()
}

/// The same, if something may be remembered of it.
#[inline(always)]
pub fn remember_anew(socket: Socket, connection: Connection) -> bool {
    match find(socket) {
        Some(known) => {
            // SAFETY: a map's value.
            unsafe { *known = connection };
            true
        }
        None => remember(socket, connection),
    }
}

/// Forgets a socket.
#[inline(always)]
pub fn forget(socket: Socket) {
    let (first, second) = places(socket);
    if !give_back(first, socket) && !give_back(second, socket) {
        let _ = CROWDED.remove(socket.address());
    }
}

/// A socket's cells. Sockets begin with a cache line: the lowest bits of their addresses are always zero.
#[inline(always)]
fn places(socket: Socket) -> (u32, u32) {
    let first = home(socket.as_struct().address_bits() >> 6, field!(cells));
    (first, first ^ 1)
}

#[inline(always)]
fn take(place: u32, socket: Socket, connection: Connection) -> bool {
    let Some(cell) = CONNECTIONS.get_ptr_mut(place) else { return false };
    // SAFETY: a map's value; the tickets say whose it is.
    unsafe {
        let tickets = &raw mut (*cell).tickets;
        if tickets.read_volatile() != 0 {
            return false;
        }
        atomic::add_u64(tickets, 1);
        if tickets.read_volatile() != 1 {
            atomic::add_u64(tickets, u64::MAX);
            return false;
        }
        (&raw mut (*cell).value).write(connection);
        (&raw mut (*cell).key).write_volatile(socket.address());
    }
    true
}

#[inline(always)]
fn give_back(place: u32, socket: Socket) -> bool {
    let Some(cell) = CONNECTIONS.get_ptr_mut(place) else { return false };
    // SAFETY: as in `take`.
    unsafe {
        let key = &raw mut (*cell).key;
        if key.read_volatile() != socket.address() {
            return false;
        }
        key.write_volatile(0);
        atomic::add_u64(&raw mut (*cell).tickets, u64::MAX);
    }
    true
}
