//! Which file a process executes, for configs that tell processes apart by it.
//!
//! A process has lost its memory map, which knows the file, long before its threads' last switches. So every
//! task carries the key of its file's name.

use aya_ebpf::{bindings::BPF_NOEXIST, helpers::bpf_probe_read_kernel_str_bytes};
use exporter_common::{
    process::{EXECUTABLE_LEN, ExecutableName},
    scheduler::TaskEntry,
};
use exporter_ebpf::kernel::Struct;

use crate::{fields::field, maps::EXECUTABLES};

/// The task was born, or executes another file from now on. Only in process context.
#[inline(always)]
pub fn note(task: Struct, entry: Option<*mut TaskEntry>) {
    if field!(executables) == 1
        && let Some(entry) = entry
    {
        // SAFETY: entries are a map's values.
        unsafe { (*entry).executable = look_up(task) };
    }
}

/// The key for a living task, whose name user space can find.
#[inline(always)]
pub fn known(task: Struct, entry: Option<*mut TaskEntry>) -> u64 {
    let Some(entry) = entry else { return 0 };
    if field!(executables) == 0 {
        return 0;
    }
    // SAFETY: as above.
    unsafe {
        // User space removes names that nobody seems to need.
        if (*entry).executable == 0 || EXECUTABLES.get_ptr((*entry).executable).is_none() {
            (*entry).executable = look_up(task);
        }
        (*entry).executable
    }
}

/// Notes the file's name, and gives its key; zero for a kernel thread, or when there is no place for the name.
#[inline(always)]
fn look_up(task: Struct) -> u64 {
    let memory = task.follow(field!(mm));
    if memory.is_null() {
        return 0;
    }
    let file = memory.follow(field!(exe_file));
    if file.is_null() {
        return 0;
    }
    let name: *const u8 = file.follow(field!(file_dentry)).read(field!(dentry_name));
    let mut words = [0u64; EXECUTABLE_LEN / 8];
    // SAFETY: the same bytes; the helper copes with any address and ends the text with a zero.
    let known = unsafe {
        let bytes = &mut *(&raw mut words).cast::<[u8; EXECUTABLE_LEN]>();
        bpf_probe_read_kernel_str_bytes(name, bytes).is_ok()
    };
    if !known {
        return 0;
    }
    let mut key = 0u64;
    for word in words {
        key = (key ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        key ^= key >> 32;
    }
    // SAFETY: as many bytes.
    let name = ExecutableName(unsafe { core::mem::transmute::<[u64; EXECUTABLE_LEN / 8], _>(words) });
    let _ = EXECUTABLES.insert(key, name, BPF_NOEXIST.into()); // most often it is there already
    if EXECUTABLES.get_ptr(key).is_some() { key } else { 0 }
}
