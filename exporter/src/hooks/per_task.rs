//! The maps in which programs remember something of each task; see [`exporter_common::per_task`].

use exporter_common::per_task::{ENTRY_SIZE, FAR, NEARBY};

use crate::kernel::object::HASH_HEAD;

/// Name, entries and bytes of an entry of the array, which is there for nothing when nothing is remembered.
pub fn nearby_tasks(is_needed: bool) -> (&'static str, u32, usize) {
    ("NEARBY", if is_needed { NEARBY } else { 1 }, ENTRY_SIZE)
}

/// The same of the hash, which only objects without task storage have.
pub fn far_tasks(is_needed: bool) -> (&'static str, u32, usize) {
    ("FAR", if is_needed { FAR } else { 1 }, HASH_HEAD + size_of::<u64>() + ENTRY_SIZE)
}
