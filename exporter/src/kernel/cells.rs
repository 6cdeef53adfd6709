//! The user's side of the protocol in [`exporter_common::cells`].

use std::sync::atomic::{Ordering, fence};

use exporter_common::{Plain, cells::Cell};

use super::mapped::Mapped;

/// A table of cells, which programs fill.
pub struct Cells<V> {
    cells: Mapped<Cell<V>>,
}

impl<V: Plain> Cells<V> {
    /// The table in a memory-mapped array.
    pub fn new(cells: Mapped<Cell<V>>) -> Self {
        Self { cells }
    }

    /// Keys and values of all cells that are somebody's.
    pub fn entries(&self) -> impl Iterator<Item = (u64, V)> {
        (0..self.cells.len()).filter(|index| self.key(*index) != 0).map(|index| {
            let Cell { key, value, .. } = self.cells.get(index);
            (key, value)
        })
    }

    fn key(&self, index: usize) -> u64 {
        // SAFETY: a field of an existing entry.
        unsafe { (&raw const (*self.cells.at(index)).key).read_volatile() }
    }

    /// Frees all cells of which `is_gone` says that nobody needs them any more.
    pub fn free(&mut self, is_gone: impl Fn(u64, &V) -> bool) {
        for index in 0..self.cells.len() {
            let Cell { key, value, .. } = self.cells.get(index);
            if key != 0 && is_gone(key, &value) {
                let cell = self.cells.at(index).cast_mut();
                // SAFETY: fields of an existing entry of a writable mapping. Who takes the cell must not lose
                // the new key, so it is free only after the old one has gone.
                unsafe {
                    (&raw mut (*cell).key).write_volatile(0);
                    fence(Ordering::SeqCst);
                    (&raw mut (*cell).tickets).write_volatile(0);
                }
            }
        }
    }
}
