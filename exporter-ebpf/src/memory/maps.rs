//! The maps that this family has beside its rows. User space sets their sizes before the object is loaded.

use aya_ebpf::{
    macros::map,
    maps::{HashMap, LruHashMap},
};

/// What is remembered of a task while it is in the kernel: what and thread id → when it began, as a rule.
#[map]
pub static PENDING: HashMap<u64, u64> = HashMap::with_max_entries(1, 0);

/// Thread id → in what way the task has last reclaimed memory. A hint for the OOM killer, which is called by tasks whose
/// reclaim was in vain: an entry that is gone makes its answer `unknown`, and nothing else.
#[map]
pub static LAST_RECLAIM: LruHashMap<u32, u32> = LruHashMap::with_max_entries(1, 0);
