//! What is remembered of the current task between two programs.
//!
//! What begins ends in the same task, also when it is killed meanwhile, because the kernel's functions run to their end.
//! An entry whose end was not seen is overwritten by the next beginning.

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns, generated},
};
use exporter_common::memory::note;
use exporter_ebpf::{
    cgroup,
    kernel::{Address, Pointer, Struct},
    rows::Cpu,
};

use crate::maps::PENDING;

/// The id of the current thread.
#[inline(always)]
pub fn thread() -> u32 {
    bpf_get_current_pid_tgid() as u32
}

/// Remembers a number.
#[inline(always)]
pub fn remember(cpu: Cpu, what: u32, value: u64) {
    if PENDING.insert(key(what), value, BPF_ANY.into()).is_err() {
        cpu.note(note::STARTS_FULL);
    }
}

/// The number that was remembered, which is forgotten.
#[inline(always)]
pub fn recall(what: u32) -> Option<u64> {
    let key = key(what);
    // SAFETY: values of a preallocated hash stay readable, and nobody else has this thread's.
    let value = unsafe { *PENDING.get_ptr(key)? };
    let _ = PENDING.remove(key);
    Some(value)
}

/// Something begins.
#[inline(always)]
pub fn begin(cpu: Cpu, what: u32) {
    // SAFETY: a helper without arguments.
    remember(cpu, what, unsafe { bpf_ktime_get_ns() });
}

/// It ends, if it has begun: the time since then.
#[inline(always)]
pub fn end_if_begun(what: u32) -> Option<u64> {
    let begun = recall(what)?;
    // SAFETY: a helper without arguments.
    Some(unsafe { bpf_ktime_get_ns() }.saturating_sub(begun))
}

/// It ends: the time since it began.
#[inline(always)]
pub fn end(cpu: Cpu, what: u32) -> Option<u64> {
    let time = end_if_begun(what);
    if time.is_none() {
        cpu.note(note::START_MISSED);
    }
    time
}

/// A number in the current task's structure.
#[inline(always)]
pub fn of_current_task<T: Copy + Default>(offset: u32) -> T {
    // SAFETY: helpers without arguments.
    if cgroup::current_task_is_typed() {
        Struct::new(unsafe { generated::bpf_get_current_task_btf() }.cast()).read(offset)
    } else {
        Pointer::read(Address(unsafe { generated::bpf_get_current_task() }), offset)
    }
}

#[inline(always)]
fn key(what: u32) -> u64 {
    u64::from(what) << 32 | u64::from(thread())
}
