//! Task storage: a value that lives with a task and dies with it. aya-ebpf has no type for it yet.

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_NO_PREALLOC, BPF_LOCAL_STORAGE_GET_F_CREATE, bpf_map_type::BPF_MAP_TYPE_TASK_STORAGE},
    helpers::generated::bpf_task_storage_get,
};

use crate::kernel::Struct;

/// A map of type `BPF_MAP_TYPE_TASK_STORAGE` (Linux 5.11). The fields only exist for the BTF that loaders
/// read.
#[repr(C)]
pub struct TaskStorage<T> {
    r#type: *const [i32; BPF_MAP_TYPE_TASK_STORAGE as usize],
    key: *const i32,
    value: *const T,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; BPF_F_NO_PREALLOC as usize],
}

// SAFETY: the fields are never read or written.
unsafe impl<T> Sync for TaskStorage<T> {}

impl<T> TaskStorage<T> {
    /// A definition.
    #[expect(clippy::new_without_default, reason = "only used for statics")]
    pub const fn new() -> Self {
        Self {
            r#type: ptr::null(),
            key: ptr::null(),
            value: ptr::null(),
            max_entries: ptr::null(),
            map_flags: ptr::null(),
        }
    }

    /// The task's value, if it has one. Never allocates, so it may be called under run-queue locks.
    #[inline(always)]
    pub fn get(&self, task: Struct) -> Option<*mut T> {
        self.storage(task, 0)
    }

    /// The task's value, zeroed if it had none. Allocates: only in process context.
    #[inline(always)]
    pub fn get_or_create(&self, task: Struct) -> Option<*mut T> {
        self.storage(task, BPF_LOCAL_STORAGE_GET_F_CREATE.into())
    }

    #[inline(always)]
    fn storage(&self, task: Struct, flags: u64) -> Option<*mut T> {
        // SAFETY: the verifier checks both pointers.
        let value: *mut T = unsafe {
            bpf_task_storage_get(ptr::from_ref(self).cast_mut().cast(), task.as_ptr(), ptr::null_mut(), flags)
        }
        .cast();
        if value.is_null() { None } else { Some(value) }
    }
}
