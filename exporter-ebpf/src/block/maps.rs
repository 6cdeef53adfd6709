//! The maps of this hook family. User space sets their sizes before the object is loaded.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, Queue},
};
use exporter_common::block_io::{
    BlockCpu, BlockDevice, BlockErrorKey, BlockKey, BlockOwner, BlockSlot, RequestEntry,
};

/// One record per possible CPU.
#[map]
pub static CPUS: Array<BlockCpu> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Address of a request → what is remembered of it.
#[map]
pub static REQUESTS: HashMap<u64, RequestEntry> = HashMap::with_max_entries(1, 0);

/// Tenant → slot.
#[map]
pub static SLOT_OF: HashMap<BlockKey, u32> = HashMap::with_max_entries(1, 0);

/// Slots that nobody has.
#[map]
pub static FREE: Queue<u32> = Queue::with_max_entries(1, 0);

/// Slot → tenant.
#[map]
pub static OWNERS: Array<BlockOwner> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// The values.
#[map]
pub static SLOTS: Array<BlockSlot> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Errors by kind.
#[map]
pub static ERRORS: HashMap<BlockErrorKey, u64> = HashMap::with_max_entries(1, 0);

/// Device → requests that it was given and gave back.
#[map]
pub static DEVICES: HashMap<u32, BlockDevice> = HashMap::with_max_entries(1, 0);
