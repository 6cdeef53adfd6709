//! The maps of this hook family. User space sets their sizes before the object is loaded.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, Queue},
};
use exporter_common::{
    process::{DeadThreads, ExecutableName, ProcessKey},
    scheduler::{SchedCpu, SchedulerSlot},
};

/// One record per possible CPU.
#[map]
pub static CPUS: Array<SchedCpu> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Cgroup id → slot.
#[map]
pub static SLOT_OF: HashMap<u64, u32> = HashMap::with_max_entries(1, 0);

/// Slots that nobody has.
#[map]
pub static FREE: Queue<u32> = Queue::with_max_entries(1, 0);

/// Slot → cgroup id, or [`NO_OWNER`](exporter_common::slots::NO_OWNER).
#[map]
pub static OWNERS: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// The values.
#[map]
pub static SLOTS: Array<SchedulerSlot> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Last values of threads that have died, by process.
#[map]
pub static DEAD: HashMap<ProcessKey, DeadThreads> = HashMap::with_max_entries(1, 0);

/// Key of an executed file → its name.
#[map]
pub static EXECUTABLES: HashMap<u64, ExecutableName> = HashMap::with_max_entries(1, 0);
