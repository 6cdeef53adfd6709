//! Which thread's end is that of its process, and how the process has ended.

use aya_ebpf::{bindings::BPF_NOEXIST, macros::map, maps::LruHashMap, programs::BtfTracePointContext};
use exporter_common::{ABSENT, lifecycle::note};
use exporter_ebpf::{kernel::Struct, rows::Cpu};

use crate::field;

/// Processes whose last threads end just now, by process id and the time at which they were made. An entry is needed
/// for the moment between two threads' ends, and the least recently made go when others need the place.
#[map]
static ENDING: LruHashMap<[u64; 2], u32> = LruHashMap::with_max_entries(1, 0);

/// What an insert returns for a key that is there (`EEXIST`).
const EXISTS: i32 = -17;

/// Whether the end of this thread is that of its process.
#[inline(always)]
pub fn is_of_process(cpu: Cpu, ctx: &BtfTracePointContext, task: Struct) -> bool {
    if field!(live) == ABSENT {
        return ctx.arg::<u64>(1) as u8 != 0;
    }
    // Each thread has taken itself off before it comes here, so the last one sees zero, and so do those that came
    // just before it: the first to say so is the one.
    if task.follow(field!(signal)).read::<u32>(field!(live)) != 0 {
        return false;
    }
    let tgid: u32 = task.read(field!(tgid));
    let start: u64 = task.follow(field!(group_leader)).read(field!(start_time));
    match ENDING.insert([u64::from(tgid), start], 0, BPF_NOEXIST.into()) {
        Ok(()) => true,
        Err(EXISTS) => false,
        Err(_) => {
            cpu.note(note::ENDED_TWICE);
            true
        }
    }
}

/// The bit of `signal_struct.flags` that says that all threads end with one status (include/linux/sched/signal.h).
const SIGNAL_GROUP_EXIT: u32 = 4;

/// The status that `wait4` tells of the process (`wait_task_zombie`, kernel/exit.c).
#[inline(always)]
pub fn status(task: Struct, leader: Struct) -> u32 {
    let of_process = task.follow(field!(signal));
    let flags: u32 = of_process.read(field!(signal_flags));
    if flags & SIGNAL_GROUP_EXIT != 0 {
        of_process.read(field!(group_exit_code))
    } else {
        leader.read(field!(exit_code))
    }
}
