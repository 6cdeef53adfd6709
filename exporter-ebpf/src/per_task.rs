//! Something that is remembered of each task between two programs: in task storage, or in a hash by thread id where the
//! kernel has none. Which of them, the crate's feature `task-storage` says.

/// Declares `tasks`, with an entry of this type for the current task.
///
/// An entry is zeroed when it is made. Call `forget` when it is no longer needed: task storage goes with its task, but an
/// entry of the hash has to make room for others. User space sets the size of the
/// hash, `THREADS`.
#[macro_export]
macro_rules! per_task {
    ($entry:ty) => {
        #[cfg(feature = "task-storage")]
        mod tasks {
            use ::aya_ebpf::{helpers::generated::bpf_get_current_task_btf, macros::btf_map};
            use ::exporter_ebpf::{kernel::Struct, task_storage::TaskStorage};

            #[btf_map]
            static TASKS: TaskStorage<$entry> = TaskStorage::new();

            #[inline(always)]
            fn current() -> Struct {
                // SAFETY: a helper without arguments.
                Struct::new(unsafe { bpf_get_current_task_btf() }.cast())
            }

            /// The current task's entry, if it has one.
            #[inline(always)]
            pub fn get() -> Option<*mut $entry> {
                TASKS.get(current())
            }

            /// The current task's entry. Only in process context.
            #[inline(always)]
            pub fn get_or_create() -> Option<*mut $entry> {
                TASKS.get_or_create(current())
            }

            /// The current task's entry is not needed for now.
            #[inline(always)]
            pub fn forget() {}
        }

        #[cfg(not(feature = "task-storage"))]
        mod tasks {
            use ::aya_ebpf::{
                bindings::BPF_NOEXIST, helpers::bpf_get_current_pid_tgid, macros::map, maps::HashMap,
            };

            #[map]
            static THREADS: HashMap<u32, $entry> = HashMap::with_max_entries(1, 0);

            #[inline(always)]
            fn current() -> u32 {
                bpf_get_current_pid_tgid() as u32
            }

            /// The current task's entry, if it has one.
            #[inline(always)]
            pub fn get() -> Option<*mut $entry> {
                THREADS.get_ptr_mut(current())
            }

            /// The current task's entry. Only in process context.
            #[inline(always)]
            pub fn get_or_create() -> Option<*mut $entry> {
                let task = current();
                if let Some(entry) = THREADS.get_ptr_mut(task) {
                    return Some(entry);
                }
                // A failure leaves the task without an entry, which the caller sees.
                let _ = THREADS.insert(task, <$entry>::default(), BPF_NOEXIST.into());
                THREADS.get_ptr_mut(task)
            }

            /// The current task's entry is not needed for now.
            #[inline(always)]
            pub fn forget() {
                let _ = THREADS.remove(current());
            }
        }
    };
}
