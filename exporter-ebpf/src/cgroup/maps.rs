//! The maps of this hook family. User space sets their sizes before the object is loaded.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, PerCpuArray, RingBuf},
};
use exporter_common::cgroup::{CgroupCpu, CgroupEventHead, MAX_PATH};

/// An event with room for the longest path.
#[repr(C)]
pub struct Event {
    /// What is always sent.
    pub head: CgroupEventHead,
    /// As much of it is sent as the head says.
    pub path: [u8; MAX_PATH],
}

/// Where an event is put together: a program's stack is too small.
#[map]
pub static SCRATCH: PerCpuArray<Event> = PerCpuArray::with_max_entries(1, 0);

/// On their way to user space.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(4096, 0);

/// One record per possible CPU.
#[map]
pub static CPUS: Array<CgroupCpu> = Array::with_max_entries(1, BPF_F_MMAPABLE);
