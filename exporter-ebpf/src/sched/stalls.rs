//! Collector `stalls`: what a thread that sleeps waits for, told at its departure.
//!
//! The kernel leaves marks on a thread that sleeps inside of it: `in_iowait`, the state of reclaim, the control of compaction.
//! Else the system call tells most, and its number is in the registers that were saved when the thread entered the kernel.

use aya_ebpf::helpers::{bpf_probe_read_kernel, generated::bpf_task_pt_regs};
use exporter_common::{
    ABSENT,
    scheduler::{Departure, SchedCpu, TaskEntry},
    stalls::{Activity, OLDER, Ongoing, SYSCALLS, SyscallActivities},
};
use exporter_ebpf::kernel::Struct;

use crate::{cache, clock_here, fields::field, scheduler};

/// Set by user space before the object is loaded.
#[unsafe(no_mangle)]
static SYSCALL_ACTIVITIES: SyscallActivities = SyscallActivities([0; SYSCALLS]);

/// What the task waits for when it departs in this way.
#[inline(always)]
pub fn activity(task: Struct, departure: u32) -> u32 {
    let activity = if departure == Departure::Involuntary as u32 {
        Activity::RunQueue
    } else if departure == Departure::Idling as u32 {
        Activity::Idle
    } else if departure == Departure::Uninterruptible as u32 {
        if task.read::<u64>(field!(reclaim_state)) != 0 {
            Activity::Reclaim
        } else if field!(capture_control) != ABSENT && task.read::<u64>(field!(capture_control)) != 0 {
            Activity::Compaction
        } else if task.read::<u8>(field!(in_iowait)) & field!(in_iowait_mask) as u8 != 0 {
            Activity::BlockIo
        } else {
            Activity::Uninterruptible
        }
    } else {
        return in_system_call(task);
    };
    activity as u32
}

/// By the system call in which the task is.
#[inline(always)]
fn in_system_call(task: Struct) -> u32 {
    if field!(syscall_number) == ABSENT {
        return Activity::Other as u32;
    }
    let number: u64 = if field!(has_task_registers) == 1 {
        // SAFETY: the verifier knows the task.
        let registers = Struct::new(unsafe { bpf_task_pt_regs(task.as_ptr()) } as *const u8);
        registers.read(field!(syscall_number))
    } else {
        let stack: u64 = task.read(field!(stack));
        let address = stack + u64::from(field!(stack_to_registers)) + u64::from(field!(syscall_number));
        // SAFETY: the helper copes with any address.
        unsafe { bpf_probe_read_kernel(address as *const u64) }.unwrap_or(u64::MAX)
    };
    if number >= SYSCALLS as u64 {
        return Activity::Other as u32; // in none, or in one of another architecture
    }
    // SAFETY: within the table; volatile, because user space sets it.
    u32::from(unsafe {
        (&raw const SYSCALL_ACTIVITIES.0).cast::<u8>().add(number as usize & (SYSCALLS - 1)).read_volatile()
    })
}

/// Adds the time of a gap between two slices. The histograms' sums have the waits, but for those of a task whose sleep was
/// seen in part.
///
/// # Safety
///
/// As [`cache::observe`]; `entry` is a map's value.
#[inline(always)]
pub unsafe fn account_gap(cpu: *mut SchedCpu, slot: u32, entry: *mut TaskEntry, asleep: u64, waited: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        let noted = (*entry).activity;
        let activity = noted & !OLDER;
        if waited > 0 && (noted & OLDER != 0 || field!(durations) == 0) {
            cache::spend(cpu, slot, Activity::RunQueue as u32, waited);
        }
        if asleep > 0 && activity != Activity::RunQueue as u32 {
            cache::spend(cpu, slot, activity, asleep);
        }
    }
}

/// Begins with a task that is older than this program: what it does is counted from now on.
#[inline(always)]
pub fn meet(task: Struct, entry: *mut TaskEntry) {
    // SAFETY: entries are a map's values.
    unsafe {
        if field!(stalls) == 0 || (*entry).departed != 0 || is_on_cpu(task) {
            return;
        }
        let state: u32 = task.read(field!(state));
        let departure = scheduler::departure(task, state == 0, state);
        (*entry).activity = activity(task, departure) | OLDER;
        (*entry).run_delay = task.read(field!(run_delay));
        (*entry).departed = clock_here();
    }
}

/// What is going on with a living task.
#[inline(always)]
pub fn ongoing(task: Struct, entry: Option<*mut TaskEntry>) -> Ongoing {
    let Some(entry) = entry else { return Ongoing::default() };
    if field!(stalls) == 0 {
        return Ongoing::default();
    }
    // SAFETY: as above.
    let (departed, run_delay, activity) =
        unsafe { ((*entry).departed, (*entry).run_delay, (*entry).activity) };
    Ongoing {
        departed,
        waited: task.read::<u64>(field!(run_delay)).wrapping_sub(run_delay),
        last_arrival: task.read(field!(last_arrival)),
        last_queued: task.read(field!(last_queued)),
        now: clock_here(),
        activity,
        on_cpu: u32::from(is_on_cpu(task)),
    }
}

/// An `int`, and from 7.x on a byte: 0 or 1, so the first byte tells.
#[inline(always)]
fn is_on_cpu(task: Struct) -> bool {
    task.read::<u8>(field!(on_cpu)) != 0
}
