//! What the programs and the user's side of the collector `memory` agree on.

/// Series, by their numbers in [`RowKey`](crate::rows::RowKey).
pub mod series {
    /// Time that tasks spent making room; the attribute is a [`stall`](super::stall).
    pub const STALL: u32 = 1;
    /// Time for which they were slowed down; the attribute is the kernel's reason, or [`OVER_HIGH`](super::OVER_HIGH).
    pub const THROTTLE: u32 = 2;
    /// Pages that they took back; the attribute is a [`stall`](super::stall).
    pub const RECLAIMED: u32 = 3;
    /// Victims of the OOM killer; the attribute is a [`scope`](super::scope).
    pub const OOM_KILLS: u32 = 4;
    /// Major page faults; the attribute is [`FILE_FAULT`](super::pending::FILE_FAULT) or
    /// [`SWAP_FAULT`](super::pending::SWAP_FAULT).
    pub const MAJOR_FAULT: u32 = 5;
    /// Pages that reads looked up in the page cache.
    pub const LOOKED_UP: u32 = 6;
    /// Pages that were added to it.
    pub const ADDED: u32 = 7;
}

/// In what way a task makes room itself. None of them begins within another: the kernel forbids it while it makes room
/// (`PF_MEMALLOC`).
pub mod stall {
    /// Reclaim of any memory.
    pub const DIRECT: u32 = 0;
    /// Reclaim of the memory of a cgroup that is at its limit.
    pub const MEMCG: u32 = 1;
    /// Reclaim of a memory node before others are tried (`vm.zone_reclaim_mode`).
    pub const NODE: u32 = 2;
    /// Compaction of a zone.
    pub const COMPACTION: u32 = 3;
}

/// What else is remembered of a task between two programs, beside when a [`stall`] began.
pub mod pending {
    /// When it began to handle its excess over memory.high.
    pub const OVER_HIGH: u32 = 4;
    /// When it came for a page of a file.
    pub const FILE_FAULT: u32 = 5;
    /// When it came for a page that is in swap.
    pub const SWAP_FAULT: u32 = 6;
    /// The cgroup of the victim that it is about to mark.
    pub const VICTIM: u32 = 7;
}

/// The attribute of throttling above memory.high. The kernel's own reasons are small numbers.
pub const OVER_HIGH: u32 = 1 << 8;

/// Who ran out of memory.
pub mod scope {
    /// It is not known.
    pub const UNKNOWN: u32 = 0;
    /// The machine, or a set of its nodes.
    pub const GLOBAL: u32 = 1;
    /// A cgroup, by its limit.
    pub const LIMIT: u32 = 2;
}

/// Notes.
pub mod note {
    /// Something ended whose start was not seen.
    pub const START_MISSED: u32 = 0;
    /// A start found no place.
    pub const STARTS_FULL: u32 = 1;
}

/// Programs, by their numbers in [`RowsCpu`](crate::rows::RowsCpu).
pub mod program {
    /// `mm_vmscan_direct_reclaim_begin`
    pub const DIRECT_BEGIN: u32 = 0;
    /// `mm_vmscan_direct_reclaim_end`
    pub const DIRECT_END: u32 = 1;
    /// `mm_vmscan_memcg_reclaim_begin`
    pub const MEMCG_BEGIN: u32 = 2;
    /// `mm_vmscan_memcg_reclaim_end`
    pub const MEMCG_END: u32 = 3;
    /// `mm_vmscan_node_reclaim_begin`
    pub const NODE_BEGIN: u32 = 4;
    /// `mm_vmscan_node_reclaim_end`
    pub const NODE_END: u32 = 5;
    /// `mm_compaction_begin`
    pub const COMPACTION_BEGIN: u32 = 6;
    /// `mm_compaction_end`
    pub const COMPACTION_END: u32 = 7;
    /// `mm_vmscan_throttled`
    pub const THROTTLED: u32 = 8;
    /// `mark_victim`
    pub const VICTIM: u32 = 9;
    /// Entry of `mark_oom_victim`
    pub const VICTIM_TASK: u32 = 10;
    /// Entry of `mem_cgroup_handle_over_high`
    pub const OVER_HIGH_BEGIN: u32 = 11;
    /// Its return
    pub const OVER_HIGH_END: u32 = 12;
    /// Entry of `filemap_fault`
    pub const FILE_FAULT_BEGIN: u32 = 13;
    /// Its return
    pub const FILE_FAULT_END: u32 = 14;
    /// Entry of `do_swap_page`
    pub const SWAP_FAULT_BEGIN: u32 = 15;
    /// Its return
    pub const SWAP_FAULT_END: u32 = 16;
    /// `mm_filemap_get_pages`
    pub const LOOK_UP: u32 = 17;
    /// `mm_filemap_add_to_page_cache`
    pub const ADD: u32 = 18;
}

/// Words of a CPU's memory: what the last lookup in the page cache was.
pub mod word {
    /// Task and file.
    pub const WHO: u32 = 0;
    /// Its first page.
    pub const FIRST: u32 = 1;
    /// Where it ends.
    pub const END: u32 = 2;
    /// 1 when the end that this kernel tells is the last page, not the one behind it.
    pub const INCLUSIVE: u32 = 3;
}

/// Offsets and numbers from the running kernel's type information.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MemoryFields {
    /// `task_struct.mm`
    pub task_mm: u32,
    /// `task_struct.memcg_nr_pages_over_high`, where it is needed
    pub task_over_high: u32,
    /// 1 when `mark_victim` tells the task, 0 when it tells its thread id
    pub victim_is_task: u32,
    /// `VM_FAULT_MAJOR`
    pub fault_major: u32,
    /// `folio.flags`
    pub folio_flags: u32,
    /// The flag of folios of several pages (`PG_head`), as a number of a bit
    pub folio_large: u32,
    /// How many pages a large folio has; absent where a page is told, which is one
    pub folio_pages: u32,
}

// SAFETY: `repr(C)`, only `u32`s.
unsafe impl crate::Plain for MemoryFields {}
