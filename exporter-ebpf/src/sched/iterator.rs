//! The task iterator: reads the sums of all living tasks, and makes entries for those that are older than
//! this object. aya-ebpf has no macro for iterators yet.

use core::ffi::c_void;

use aya_ebpf::{bindings::seq_file, helpers::generated::bpf_seq_write};
use exporter_common::{
    process::{ProcessKey, TaskRecord},
    stalls::Ongoing,
};
use exporter_ebpf::{cgroup, kernel::Struct};

use crate::{TASK_DEAD, executable, fields::field, process, stalls, tasks};

/// `struct bpf_iter__task` (kernel/bpf/task_iter.c); both fields are 64 bits wide.
#[repr(C)]
struct Context {
    meta: *const Meta,
    task: *const u8,
}

/// The beginning of `struct bpf_iter_meta`.
#[repr(C)]
struct Meta {
    seq: *mut seq_file,
}

/// Writes one [`TaskRecord`] per living task. Runs in the reader's process context.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
extern "C" fn living_tasks(ctx: *mut c_void) -> i32 {
    let context: *const Context = ctx.cast();
    // SAFETY: the kernel calls iterators with this context; the verifier checks the loads.
    let task = Struct::new(unsafe { (*context).task });
    if task.is_null() {
        return 0; // the end
    }
    let dead = task.read::<u32>(field!(state)) & TASK_DEAD != 0;
    let entry = if dead { tasks::get(task) } else { tasks::get_or_create(task) };
    let leader_start = match entry {
        // SAFETY: `entry` is a map's value.
        Some(entry) if unsafe { (*entry).drained } == 0 => unsafe { (*entry).leader_start },
        None if !dead => task.follow(field!(group_leader)).read(field!(start_time)),
        _ => return 0, // its sums are in the map of dead processes
    };
    if let Some(entry) = entry
        && !dead
    {
        stalls::meet(task, entry);
    }
    if field!(process) != 1 && field!(stalls) != 1 {
        return 0;
    }
    let leader = task.follow(field!(group_leader));
    let record = TaskRecord {
        process: ProcessKey { leader_start, tgid: task.read(field!(tgid)), reserved: 0 },
        totals: process::totals(task),
        cgroup: cgroup::id(cgroup::of_task(task)),
        executable: executable::known(task, entry),
        ongoing: if dead { Ongoing::default() } else { stalls::ongoing(task, entry) },
        comm: process::comm(leader),
        pid: task.read(field!(pid)),
        flags: task.read(field!(flags)),
    };
    // SAFETY: the record is initialised and as long as said. When there is no room, the kernel notices and
    // comes again with the same task.
    unsafe {
        bpf_seq_write(
            (*(*context).meta).seq,
            (&raw const record).cast_mut().cast(),
            size_of::<TaskRecord>() as u32,
        );
    }
    0
}
