//! The maps of this hook family. User space sets their sizes before the object is loaded.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, Queue},
};
use exporter_common::{
    block_io::{
        BlockCpu, BlockDevice, BlockErrorKey, BlockKey, BlockOwner, BlockSlot, DEVICE_CELLS, RequestEntry,
    },
    cells::Cell,
};

/// One record per possible CPU.
#[map]
pub static CPUS: Array<BlockCpu> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// What is remembered of requests, by their addresses.
#[map]
pub static REQUESTS: Array<Cell<RequestEntry>> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// The same for requests whose cell is another one's; without durations for all that have finished in part.
#[map]
pub static CROWDED: HashMap<u64, RequestEntry> = HashMap::with_max_entries(1, 0);

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

/// Requests that devices were given and gave back. Without durations nothing is counted here, and there are
/// only devices that user space must know by name, or forget when they are gone.
#[map]
pub static DEVICES: Array<Cell<BlockDevice>> = Array::with_max_entries(DEVICE_CELLS, BPF_F_MMAPABLE);
