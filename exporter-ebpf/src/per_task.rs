//! Something that is remembered of each task between two programs; see [`exporter_common::per_task`].
//!
//! Entries are nearby, in an array by what is known of the task without asking the kernel, if anything is: see [`Mark`]. An
//! entry there that another task needs at the moment is left alone: then this task's is far, in task storage, or in a hash by
//! thread id where the kernel has none. Which of them, the crate's feature `task-storage` says. When two tasks take the same
//! idle entry at the same instant, one of them loses its.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use exporter_common::per_task::NEARBY;

use crate::kernel::Struct;

/// What tells the current task from others.
#[derive(Clone, Copy)]
pub struct Mark {
    /// No other task that lives has the same.
    pub mark: u64,
    /// Which entry nearby is the task's to take.
    pub index: u32,
}

impl Mark {
    /// The thread's id. It takes a call.
    #[inline(always)]
    pub fn of_thread() -> Self {
        let thread = bpf_get_current_pid_tgid() as u32;
        Self { mark: thread.into(), index: thread & (NEARBY - 1) }
    }

    /// Where on its kernel stack the current task's registers were saved when it came in from user space, which is the same
    /// place each time. It takes no call, and calls are a quarter of what a program costs.
    #[inline(always)]
    pub fn of_saved(registers: Struct) -> Self {
        /// Stacks are aligned to at least this, as a power of two (`THREAD_SIZE`, 16 KiB).
        const STACK_BITS: u32 = 14;
        /// 2^32 by the golden ratio: neighbours get entries far from each other (Knuth, The Art of Computer Programming, 6.4).
        const GOLDEN: u32 = 0x9e37_79b9;
        let stack = registers.address_bits() >> STACK_BITS;
        Self {
            mark: registers.as_ptr::<u8>() as u64,
            index: stack.wrapping_mul(GOLDEN) >> (u32::BITS - NEARBY.ilog2()),
        }
    }
}

/// Declares `tasks`, with an entry of this type for the current task. See [`exporter_common::per_task::ENTRY_SIZE`] for
/// what it must have.
///
/// User space sets the sizes of the array, `NEARBY`, and of the hash, `FAR`.
#[macro_export]
macro_rules! per_task {
    ($entry:ty) => {
        mod tasks {
            use ::aya_ebpf::{macros::map, maps::Array};
            use ::exporter_ebpf::per_task::Mark;

            use super::far_tasks;

            #[map]
            static NEARBY: Array<$entry> = Array::with_max_entries(1, 0);

            /// An entry that may have to be given back.
            pub struct Found {
                /// The entry.
                pub entry: *mut $entry,
                is_far: bool,
            }

            impl Found {
                /// Nothing has to be remembered any more. Call it once `since` is 0.
                #[inline(always)]
                pub fn forget(self) {
                    if self.is_far {
                        far_tasks::forget();
                    }
                }
            }

            /// An entry for what the current task begins now. Only in process context.
            #[inline(always)]
            pub fn begin(task: Mark) -> Option<*mut $entry> {
                let entry = NEARBY.get_ptr_mut(task.index)?;
                // SAFETY: a map's value.
                unsafe {
                    if (*entry).since == 0 || (*entry).task == task.mark {
                        (*entry).task = task.mark;
                        return Some(entry);
                    }
                }
                far_tasks::get_or_create()
            }

            /// The current task's entry, if it has one.
            #[inline(always)]
            pub fn find(task: Mark) -> Option<Found> {
                let entry = NEARBY.get_ptr_mut(task.index)?;
                // SAFETY: a map's value. Who has his entry here has none that is far.
                if unsafe { (*entry).task } == task.mark {
                    return Some(Found { entry, is_far: false });
                }
                Some(Found { entry: far_tasks::get()?, is_far: true })
            }
        }

        #[cfg(feature = "task-storage")]
        mod far_tasks {
            use ::aya_ebpf::{helpers::generated::bpf_get_current_task_btf, macros::btf_map};
            use ::exporter_ebpf::{kernel::Struct, task_storage::TaskStorage};

            #[btf_map]
            static FAR_STORAGE: TaskStorage<$entry> = TaskStorage::new();

            #[inline(always)]
            fn current() -> Struct {
                // SAFETY: a helper without arguments.
                Struct::new(unsafe { bpf_get_current_task_btf() }.cast())
            }

            #[inline(always)]
            pub fn get() -> Option<*mut $entry> {
                FAR_STORAGE.get(current())
            }

            #[inline(always)]
            pub fn get_or_create() -> Option<*mut $entry> {
                FAR_STORAGE.get_or_create(current())
            }

            /// It goes with its task.
            #[inline(always)]
            pub fn forget() {}
        }

        #[cfg(not(feature = "task-storage"))]
        mod far_tasks {
            use ::aya_ebpf::{
                bindings::BPF_NOEXIST, helpers::bpf_get_current_pid_tgid, macros::map, maps::HashMap,
            };

            #[map]
            static FAR: HashMap<u32, $entry> = HashMap::with_max_entries(1, 0);

            #[inline(always)]
            fn current() -> u32 {
                bpf_get_current_pid_tgid() as u32
            }

            #[inline(always)]
            pub fn get() -> Option<*mut $entry> {
                FAR.get_ptr_mut(current())
            }

            #[inline(always)]
            pub fn get_or_create() -> Option<*mut $entry> {
                let thread = current();
                if let Some(entry) = FAR.get_ptr_mut(thread) {
                    return Some(entry);
                }
                // A failure leaves the task without an entry, which the caller sees.
                let _ = FAR.insert(thread, <$entry>::default(), BPF_NOEXIST.into());
                FAR.get_ptr_mut(thread)
            }

            /// It has to make room for others.
            #[inline(always)]
            pub fn forget() {
                let _ = FAR.remove(current());
            }
        }
    };
}
