//! Collector `process`: the kernel sums up what a task used; a dead task's sums are saved here.
//!
//! The living cost nothing per switch: the iterator reads them when somebody asks.

use aya_ebpf::bindings::BPF_NOEXIST;
use exporter_common::{
    ABSENT, COMM_LEN,
    process::{DeadThreads, ProcessKey, ProcessTotals},
    scheduler::{SchedCpu, TaskEntry},
};
use exporter_ebpf::{atomic, cgroup, kernel::Struct};

use crate::{
    fields::field,
    maps::{DEAD, SLOTS},
    scheduler,
};

/// Adds a dying task's sums to its process, at its last switch. Done here and not at `sched_process_exit`,
/// because the way from there to the last switch still costs time and switches.
#[inline(always)]
pub fn drain(cpu: *mut SchedCpu, task: Struct, entry: Option<*mut TaskEntry>) {
    let Some(entry) = entry else { return };
    let totals = totals(task);
    // SAFETY: `entry`, `cpu` and what the maps return are maps' values.
    unsafe {
        let key =
            ProcessKey { leader_start: (*entry).leader_start, tgid: task.read(field!(tgid)), reserved: 0 };
        // First: an iterator that runs now may miss the task until the next read, but not count it twice.
        core::ptr::write_volatile(&raw mut (*entry).drained, 1);
        let dead = match DEAD.get_ptr_mut(key) {
            Some(dead) => Some(dead),
            None => {
                let _ = DEAD.insert(key, first(task, entry), BPF_NOEXIST.into()); // or another CPU was faster
                DEAD.get_ptr_mut(key)
            }
        };
        if let Some(dead) = dead {
            if task.read::<u32>(field!(pid)) == key.tgid {
                (*dead).comm = comm(task);
                (*dead).executable = (*entry).executable;
                (*dead).leader_died = 1;
            }
            add(&raw mut (*dead).totals, &totals);
            atomic::add_u64(&raw mut (*dead).threads, 1);
            // Last: who finds the number unchanged misses this thread until the next read, like the iterator.
            let deaths = &raw mut (*cpu).deaths;
            deaths.write_volatile(deaths.read_volatile() + 1);
            return;
        }
        (*cpu).unplaced_processes += 1;
        let slot = if field!(scheduler) == 1 || field!(stalls) == 1 {
            scheduler::slot(cpu, task, Some(entry))
        } else {
            0
        };
        if let Some(slot) = SLOTS.get_ptr_mut(slot) {
            add(&raw mut (*slot).unplaced_processes, &totals);
        }
    }
}

/// The record that a process' first dead thread leaves.
#[inline(always)]
fn first(task: Struct, entry: *mut TaskEntry) -> DeadThreads {
    DeadThreads {
        totals: ProcessTotals::default(),
        cgroup: cgroup::id(cgroup::of_task(task)),
        comm: comm(task),
        flags: task.read(field!(flags)),
        leader_died: 0,
        threads: 0,
        // SAFETY: the entry is a map's value.
        executable: unsafe { (*entry).executable },
    }
}

/// What the kernel has summed up for a task.
#[inline(always)]
pub fn totals(task: Struct) -> ProcessTotals {
    let has_io = field!(read_bytes) != ABSENT;
    ProcessTotals {
        cpu_ns: task.read(field!(sum_exec_runtime)),
        run_queue_ns: task.read(field!(run_delay)),
        voluntary: task.read(field!(nvcsw)),
        involuntary: task.read(field!(nivcsw)),
        read_bytes: if has_io { task.read(field!(read_bytes)) } else { 0 },
        write_bytes: if has_io { task.read(field!(write_bytes)) } else { 0 },
    }
}

/// A task's command name.
#[inline(always)]
pub fn comm(task: Struct) -> [u8; COMM_LEN] {
    let words: [u64; 2] = [task.read(field!(comm)), task.read(field!(comm) + 8)];
    // SAFETY: two words are sixteen bytes.
    unsafe { core::mem::transmute(words) }
}

/// # Safety
///
/// `sums` points into a map's value.
#[inline(always)]
unsafe fn add(sums: *mut ProcessTotals, by: &ProcessTotals) {
    // SAFETY: the caller's promise.
    unsafe {
        atomic::add_u64(&raw mut (*sums).cpu_ns, by.cpu_ns);
        atomic::add_u64(&raw mut (*sums).run_queue_ns, by.run_queue_ns);
        atomic::add_u64(&raw mut (*sums).voluntary, by.voluntary);
        atomic::add_u64(&raw mut (*sums).involuntary, by.involuntary);
        atomic::add_u64(&raw mut (*sums).read_bytes, by.read_bytes);
        atomic::add_u64(&raw mut (*sums).write_bytes, by.write_bytes);
    }
}
