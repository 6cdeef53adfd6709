//! Collector `scheduler`: where a task's time went, told when the task leaves the CPU.
//!
//! At that moment three intervals are known. Its slice began at this CPU's previous switch. The gap before
//! the slice began when the task last left a CPU; if it could have gone on then, the whole gap was waiting,
//! else the part by which the kernel's own `run_delay` grew was, and the rest was sleep. `run_delay` also
//! covers waits that a migration has split. So one program suffices, and wakeups cost nothing.
//!
//! Without durations, switches and migrations are counted, and nothing is remembered of tasks: a cgroup's slot
//! is then looked up by its id each time.

use exporter_common::{
    scheduler::{Departure, SchedCpu, SchedulerCounter, SchedulerHistogram, TaskEntry},
    slots::{NO_OWNER, OVERFLOW_SLOT},
    stalls::{Activity, OLDER},
};
use exporter_ebpf::{cgroup, kernel::Struct, slots};

use crate::{
    cache,
    fields::field,
    maps::{FREE, OWNERS, SLOT_OF},
    stalls, tasks,
};

// Bits of `task_struct.__state` (include/linux/sched.h), the same from 5.10 to 7.2.
const TASK_INTERRUPTIBLE: u32 = 0x1;
const TASK_UNINTERRUPTIBLE: u32 = 0x2;
const TASK_NOLOAD: u32 = 0x400;

/// `task_struct.flags` of a kernel thread.
const PF_KTHREAD: u32 = 0x0020_0000;

/// Whether anybody wants to know how long something took.
#[inline(always)]
pub fn is_timed() -> bool {
    field!(durations) == 1 || field!(stalls) == 1
}

/// When this CPU last switched, zero when that was not seen, and the time now; both zero when nobody wants to know.
#[inline(always)]
pub fn slice(cpu: *mut SchedCpu, previous: Struct) -> (u64, u64) {
    if !is_timed() {
        return (0, 0);
    }
    let now = crate::clock(previous);
    // SAFETY: `cpu` is this CPU's record, and only this CPU writes it.
    let since = unsafe { core::mem::replace(&mut (*cpu).since, now) };
    (since, now)
}

/// Counts the switch, and records the slice that ends now and the gap before it.
#[inline(always)]
pub fn account(
    cpu: *mut SchedCpu,
    task: Struct,
    entry: Option<*mut TaskEntry>,
    now: u64,
    since: u64,
    preempted: bool,
    state: u32,
) {
    let slot = slot(cpu, task, entry);
    // A task that is preempted on its way to sleep keeps its place in the queue.
    let involuntary = preempted || state == 0;
    let kind = if involuntary { SchedulerCounter::Involuntary } else { SchedulerCounter::Voluntary };
    // SAFETY: `cpu` is this CPU's record, interrupts are off, `entry` is a map's value.
    unsafe {
        if field!(scheduler) == 1 {
            cache::count(cpu, slot, kind);
        }
        if !is_timed() {
            return;
        }
        let arrived = if since == 0 { task.read(field!(last_arrival)) } else { since };
        let slice = now.saturating_sub(arrived);
        if field!(durations) == 1 {
            cache::observe(cpu, slot, SchedulerHistogram::OnCpu, slice);
        } else {
            cache::spend(cpu, slot, Activity::Running as u32, slice);
        }
        let departure = departure(task, involuntary, state);
        match entry {
            Some(entry) => {
                let run_delay: u64 = task.read(field!(run_delay));
                gap(cpu, slot, task, entry, arrived, run_delay);
                (*entry).departed = now;
                (*entry).run_delay = run_delay;
                (*entry).departure = departure;
                if field!(stalls) == 1 {
                    (*entry).activity = stalls::activity(task, departure);
                }
            }
            None => (*cpu).missing_tasks += 1,
        }
    }
}

/// Records the time between the task's previous slice and the one that began at `arrived`.
///
/// # Safety
///
/// As [`cache::observe`]; `entry` is a map's value.
#[inline(always)]
unsafe fn gap(
    cpu: *mut SchedCpu,
    slot: u32,
    task: Struct,
    entry: *mut TaskEntry,
    arrived: u64,
    run_delay: u64,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let last = (*entry).departure;
        if last == Departure::Unknown as u32 {
            // The very first slice of a task: all it ever waited was before it. Otherwise the task is
            // older than this program, and how long it waited is not known.
            let slices: u64 = task.read(field!(pcount));
            if slices == 1 {
                wait(cpu, slot, run_delay);
                return;
            }
            if field!(stalls) == 0 || (*entry).activity & OLDER == 0 {
                return;
            }
        }
        let gap = arrived.saturating_sub((*entry).departed);
        let still_ready = last == Departure::Involuntary as u32
            || (last == Departure::Unknown as u32 && (*entry).activity == Activity::RunQueue as u32 | OLDER);
        let waited = if still_ready { gap } else { run_delay.wrapping_sub((*entry).run_delay) };
        let asleep = gap.saturating_sub(waited);
        if field!(stalls) == 1 {
            stalls::account_gap(cpu, slot, entry, asleep, waited);
        }
        if field!(durations) == 0 || last == Departure::Unknown as u32 {
            return;
        }
        cache::observe(cpu, slot, SchedulerHistogram::RunQueue, waited);
        if last == Departure::Interruptible as u32 {
            cache::observe(cpu, slot, SchedulerHistogram::Interruptible, asleep);
        } else if last == Departure::Uninterruptible as u32 {
            cache::observe(cpu, slot, SchedulerHistogram::Uninterruptible, asleep);
        } else if last == Departure::Other as u32 {
            cache::observe(cpu, slot, SchedulerHistogram::OtherSleep, asleep);
        }
    }
}

/// Records the wait of a task before its first slice.
///
/// # Safety
///
/// As [`cache::observe`].
#[inline(always)]
unsafe fn wait(cpu: *mut SchedCpu, slot: u32, waited: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        if field!(durations) == 1 {
            cache::observe(cpu, slot, SchedulerHistogram::RunQueue, waited);
        } else {
            cache::spend(cpu, slot, Activity::RunQueue as u32, waited);
        }
    }
}

/// Why the task leaves the CPU.
#[inline(always)]
pub fn departure(task: Struct, involuntary: bool, state: u32) -> u32 {
    if involuntary {
        return Departure::Involuntary as u32;
    }
    let uninterruptible = state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD) == TASK_UNINTERRUPTIBLE;
    if task.read::<u32>(field!(flags)) & PF_KTHREAD != 0 && !uninterruptible {
        return Departure::Idling as u32;
    }
    if uninterruptible {
        Departure::Uninterruptible as u32
    } else if state & TASK_INTERRUPTIBLE != 0 {
        Departure::Interruptible as u32
    } else {
        Departure::Other as u32
    }
}

/// Counts a move to another CPU.
#[inline(always)]
pub fn count_migration(cpu: *mut SchedCpu, task: Struct) {
    let entry = tasks::get_if(is_timed(), task);
    let slot = slot(cpu, task, entry);
    // SAFETY: `cpu` is this CPU's record, and interrupts are off.
    unsafe { cache::count(cpu, slot, SchedulerCounter::Migrations) };
}

/// The slot of the task's cgroup, or the one for everything where cgroups are not told apart. The task's entry remembers it; that memory is right as long as the slot
/// still belongs to the cgroup in which the task is now.
#[inline(always)]
pub fn slot(cpu: *mut SchedCpu, task: Struct, entry: Option<*mut TaskEntry>) -> u32 {
    if field!(cgroups) == 0 {
        return OVERFLOW_SLOT;
    }
    let group = cgroup::of_task(task);
    let id = cgroup::id(group);
    // SAFETY: `cpu` and `entry` are maps' values.
    unsafe {
        if let Some(entry) = entry
            && let Some(owner) = OWNERS.get((*entry).slot)
            && *owner == id
        {
            return (*entry).slot;
        }
        let slot = slots::find_or_take(
            &SLOT_OF,
            &FREE,
            &raw mut (*cpu).slots,
            &id,
            || cgroup::is_online(group),
            |slot, taken| {
                if let Some(owner) = OWNERS.get_ptr_mut(slot) {
                    core::ptr::write_volatile(owner, if taken { id } else { NO_OWNER });
                }
            },
        );
        if let Some(entry) = entry {
            (*entry).slot = slot;
        }
        slot
    }
}
