//! The programs' side of the protocol in [`exporter_common::cells`].

use aya_ebpf::maps::Array;
use exporter_common::cells::Cell;

use crate::atomic;

/// The value in cell `index`, if it is the key's.
#[inline(always)]
pub fn find<V>(cells: &Array<Cell<V>>, index: u32, key: u64) -> Option<*mut V> {
    let cell = cells.get_ptr_mut(index)?;
    // SAFETY: a map's value; other CPUs write the key once.
    unsafe {
        if (&raw const (*cell).key).read_volatile() == key { Some(&raw mut (*cell).value) } else { None }
    }
}

/// Takes cell `index` for `key`, with `value` in it, unless it is somebody's.
#[inline(always)]
pub fn take<V>(cells: &Array<Cell<V>>, index: u32, key: u64, value: V) -> Option<*mut V> {
    let cell = cells.get_ptr_mut(index)?;
    // SAFETY: a map's value; the tickets say whose it is.
    unsafe {
        let tickets = &raw mut (*cell).tickets;
        if tickets.read_volatile() != 0 {
            return None;
        }
        atomic::add_u64(tickets, 1);
        if tickets.read_volatile() != 1 {
            return None;
        }
        (&raw mut (*cell).value).write(value);
        (&raw mut (*cell).key).write_volatile(key);
        Some(&raw mut (*cell).value)
    }
}
