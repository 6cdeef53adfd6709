//! What the tests are made of.

mod cgroup;
mod exporter;
mod native;
mod tasks;
mod text;
mod worker;

pub(crate) use cgroup::{Cgroup, cgroup_of, mount};
pub(crate) use exporter::{Exporter, FIRST, PROTOBUF, binary, die_with_parent, undisturbed};
pub(crate) use native::{Histogram, index};
pub(crate) use tasks::{Counts, disk_io, end_of, is_asleep, threads_of, wait_until_off_cpu};
pub(crate) use text::{Between, Scrape};
pub(crate) use worker::{Job, Worker, fork, pipe, set_command};

use std::{
    fs, io,
    path::Path,
    process,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use kernel_exporter::{
    hooks::selftest::Floor,
    kernel::{btf::Btf, host::lift_memlock_limit},
};

/// Tests load the machine and count what happens on it, so only one runs at a time.
static TURN: Mutex<()> = Mutex::new(());

/// This test's turn, or `None` with a line that says why it can't run here.
pub(crate) fn turn() -> Option<MutexGuard<'static, ()>> {
    // SAFETY: no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        println!("SKIPPED: only root may load BPF programs");
        return None;
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        println!("SKIPPED: this kernel has no BTF");
        return None;
    }
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if in_vm() {
        // The kernel patches code when it gets its first cgroup (`cpusets_enabled_key`) or loses the last, and the
        // tracepoint in `__schedule` when a first or second program comes to it or goes. QEMU without KVM now and
        // then crashes other CPUs that run that code just then. So one cgroup and two programs stay.
        static STAY: OnceLock<(Cgroup, [Option<Floor>; 2])> = OnceLock::new();
        STAY.get_or_init(|| {
            let _ = lift_memlock_limit();
            let btf = Btf::of_running_kernel().ok();
            // Where a test's kernel lets nobody load programs, none come and go.
            (Cgroup::make("stays"), [(); 2].map(|()| Floor::attach(btf.as_ref()?).ok()))
        });
    }
    Some(turn)
}

/// Whether this is one of the VMs of `scripts/vm.sh`, where a test may do as it likes with the machine.
pub(crate) fn in_vm() -> bool {
    fs::read("/proc/1/cmdline").is_ok_and(|line| line.starts_with(b"/bin/busybox\0sh\0/init"))
}

/// The CPUs this process may use, ascending.
pub(crate) fn cpus() -> Vec<usize> {
    // SAFETY: all zeroes is a valid, empty set, and the size is the set's.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set), 0);
        set
    };
    // SAFETY: the index is below the set's size.
    (0..libc::CPU_SETSIZE as usize).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).collect()
}

/// The last CPU: interrupts and timers of a small machine prefer the first.
pub(crate) fn last_cpu() -> usize {
    *cpus().last().expect("a process may use at least one CPU")
}

/// Allows this thread one CPU only.
pub(crate) fn pin(cpu: usize) {
    // SAFETY: as in `cpus`.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    assert_eq!(result, 0, "cannot pin to CPU {cpu}: {}", io::Error::last_os_error());
}

/// Lets this thread run before all normal ones.
pub(crate) fn run_first() {
    let parameters = libc::sched_param { sched_priority: 50 };
    // SAFETY: a valid structure.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &parameters) };
    assert_eq!(result, 0, "cannot use SCHED_FIFO: {}", io::Error::last_os_error());
}

/// Keeps a CPU busy for as long by the clock.
pub(crate) fn busy(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Waits until `condition` holds, and fails when it takes longer than a minute.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A name that no other run uses.
pub(crate) fn unique(name: &str) -> String {
    format!("truth-{}-{name}", process::id())
}

/// Asserts that two values differ by no more than `part` of the second.
#[track_caller]
pub(crate) fn assert_within(part: f64, measured: u64, truth: u64, what: &str) {
    let difference = measured.abs_diff(truth) as f64;
    assert!(difference <= part * truth as f64, "{what}: {measured}, in truth {truth}");
}
