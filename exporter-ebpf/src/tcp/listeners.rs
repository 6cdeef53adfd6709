//! Whose listeners are, where sockets do not say it: see [`whose`](crate::whose).

use aya_ebpf::{macros::map, maps::HashMap};
use exporter_common::tcp::{Connection, Listener, ListenerKey, note};
use exporter_ebpf::{atomic, rows::Cpu};

use crate::{memory, socket::Socket, whose};

/// By where they listen. Several can share an address and a port.
#[map]
static LISTENERS: HashMap<ListenerKey, Listener> = HashMap::with_max_entries(1, 0);

/// The current task lets a socket listen.
#[inline(always)]
pub fn begin(cpu: Cpu, socket: Socket) {
    if !whose::must_be_remembered() {
        return;
    }
    let key = socket.listener_key();
    let cgroup = whose::of_own(socket);
    // Its port is gone when it ends.
    let entry = Connection { cgroup, began: key.port, established: 0 };
    if !memory::remember_anew(socket, entry) {
        return cpu.note(note::LISTENER_FORGOTTEN);
    }
    if let Some(listener) = LISTENERS.get_ptr_mut(key) {
        // SAFETY: a map's value.
        unsafe {
            atomic::add_u64(&raw mut (*listener).sockets, 1);
            (*listener).cgroup = cgroup;
        }
    } else if LISTENERS.insert(key, Listener { cgroup, sockets: 1 }, 0).is_err() {
        cpu.note(note::LISTENER_FORGOTTEN);
    }
}

/// A socket listens no more.
#[inline(always)]
pub fn end(socket: Socket) {
    if !whose::must_be_remembered() {
        return;
    }
    let Some(known) = memory::find(socket) else { return };
    let mut key = socket.listener_key();
    // SAFETY: a map's value.
    key.port = unsafe { (*known).began };
    // SAFETY: as above.
    unsafe { (*known).began = 0 };
    let Some(listener) = LISTENERS.get_ptr_mut(key) else { return };
    // SAFETY: a map's value.
    unsafe {
        atomic::add_u64(&raw mut (*listener).sockets, u64::MAX);
        if (*listener).sockets == 0 {
            let _ = LISTENERS.remove(key);
        }
    }
}

/// The cgroup of those who listen where this connection came in; 0 when they did so before the programs came.
#[inline(always)]
pub fn cgroup_of(accepted: Socket) -> u64 {
    let mut key = accepted.listener_key();
    let listener = LISTENERS.get_ptr(key).or_else(|| {
        key.address = [0; 2];
        LISTENERS.get_ptr(key)
    });
    // SAFETY: a map's value.
    listener.map_or(0, |listener| unsafe { (*listener).cgroup })
}
