//! What is remembered of each task: in task storage, or in a hash by thread id where the kernel has none.

use core::ptr;

use exporter_common::scheduler::TaskEntry;
use exporter_ebpf::kernel::Struct;

use crate::fields::field;

#[cfg(feature = "task-storage")]
mod store {
    use aya_ebpf::macros::btf_map;
    use exporter_ebpf::task_storage::TaskStorage;

    use super::{Struct, TaskEntry};

    #[btf_map]
    static TASKS: TaskStorage<TaskEntry> = TaskStorage::new();

    #[inline(always)]
    pub(super) fn get(task: Struct) -> Option<*mut TaskEntry> {
        TASKS.get(task)
    }

    #[inline(always)]
    pub(super) fn get_or_create(task: Struct) -> Option<*mut TaskEntry> {
        TASKS.get_or_create(task)
    }

    /// A new task has no storage yet.
    #[inline(always)]
    pub(super) fn create(task: Struct) -> Option<*mut TaskEntry> {
        TASKS.get_or_create(task)
    }

    /// The storage goes with its task.
    #[inline(always)]
    pub(super) fn forget(_: Struct) {}
}

#[cfg(not(feature = "task-storage"))]
mod store {
    use aya_ebpf::{
        bindings::{BPF_ANY, BPF_NOEXIST},
        macros::map,
        maps::HashMap,
    };

    use super::{Struct, TaskEntry};
    use crate::fields::field;

    #[map]
    static TASKS: HashMap<u32, TaskEntry> = HashMap::with_max_entries(1, 0);

    #[inline(always)]
    pub(super) fn get(task: Struct) -> Option<*mut TaskEntry> {
        TASKS.get_ptr_mut(task.read::<u32>(field!(pid)))
    }

    #[inline(always)]
    pub(super) fn get_or_create(task: Struct) -> Option<*mut TaskEntry> {
        let pid: u32 = task.read(field!(pid));
        if let Some(entry) = TASKS.get_ptr_mut(pid) {
            return Some(entry);
        }
        insert(pid, BPF_NOEXIST)
    }

    /// Whatever another task with this id has left behind is overwritten.
    #[inline(always)]
    pub(super) fn create(task: Struct) -> Option<*mut TaskEntry> {
        insert(task.read(field!(pid)), BPF_ANY)
    }

    /// A failure leaves the task without an entry, which its switches count.
    #[inline(always)]
    fn insert(pid: u32, flags: u32) -> Option<*mut TaskEntry> {
        let _ = TASKS.insert(pid, TaskEntry::default(), flags.into());
        TASKS.get_ptr_mut(pid)
    }

    #[inline(always)]
    pub(super) fn forget(task: Struct) {
        let _ = TASKS.remove(task.read::<u32>(field!(pid)));
    }
}

/// The task's entry, if it has one.
#[inline(always)]
pub fn get(task: Struct) -> Option<*mut TaskEntry> {
    store::get(task)
}

/// The same, if anybody wants it.
///
/// Without an entry there is a null pointer, not the undefined half of an `Option` that holds none: the compiler may well copy
/// that, but the verifier refuses to.
#[inline(always)]
pub fn get_if(wanted: bool, task: Struct) -> Option<*mut TaskEntry> {
    let entry = if wanted { get(task).unwrap_or(ptr::null_mut()) } else { ptr::null_mut() };
    (!entry.is_null()).then_some(entry)
}

/// The entry of a task that was just made. Only in process context.
#[inline(always)]
pub fn create(task: Struct) -> Option<*mut TaskEntry> {
    with_identity(task, store::create(task)?)
}

/// The entry of a task that may be older than this program. Only in process context.
#[inline(always)]
pub fn get_or_create(task: Struct) -> Option<*mut TaskEntry> {
    with_identity(task, store::get_or_create(task)?)
}

/// Notes the process while its leader is sure to exist: at a thread's death it may be gone.
#[inline(always)]
fn with_identity(task: Struct, entry: *mut TaskEntry) -> Option<*mut TaskEntry> {
    // SAFETY: the entry is a map's value.
    unsafe {
        if (*entry).leader_start == 0 {
            (*entry).leader_start = task.follow(field!(group_leader)).read(field!(start_time));
        }
    }
    Some(entry)
}

/// The task will not run again.
#[inline(always)]
pub fn forget(task: Struct) {
    store::forget(task);
}
