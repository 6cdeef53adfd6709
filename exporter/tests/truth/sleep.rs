//! Sleeps, by state.

use std::{
    ptr, thread,
    time::{Duration, Instant},
};

use crate::harness::*;

const OFF_CPU: &str = "kernel_scheduler_off_cpu_duration_seconds";

/// A hundred sleeps of 50 ms are a hundred samples, each within a bucket of what the sleeper's own clock
/// says, by rank. The sleeper has priority, because its clock also runs while it waits for a CPU and the
/// samples must not. The sleep at the gate ends in this time too, and has been measured in the same way.
#[test]
fn sleeps_are_as_long_as_the_sleeper_says() {
    const SLEEPS: usize = 100;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("sleep");
    let mut worker = Worker::spawn("truth-sleep", &cgroup, run_first, |job| {
        job.set(0, job.waited_ns);
        for cell in 1..=SLEEPS {
            let begin = Instant::now();
            thread::sleep(Duration::from_millis(50));
            job.set(cell, begin.elapsed().as_nanos() as u64);
        }
    });

    let labels = [("cgroup", cgroup.path.as_str()), ("state", "interruptible")];
    let before = exporter.histogram(OFF_CPU, &labels);
    worker.work();
    let sleeps = exporter.histogram(OFF_CPU, &labels).since(&before);

    assert_eq!(sleeps.count(), SLEEPS as u64 + 1);
    sleeps.assert_largest_are((0..=SLEEPS).map(|cell| worker.get(cell)).collect());
}

/// Whoever calls vfork sleeps uninterruptibly until the child is gone: here five times 100 ms. That sleep
/// begins when the child does, not when the fork begins, and both read the same clock. Other such sleeps (for
/// a page, for a lock) are possible, but shorter.
#[test]
fn uninterruptible_sleeps_are_told_apart() {
    const SLEEPS: usize = 5;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("vfork");
    let mut worker = Worker::spawn("truth-vfork", &cgroup, run_first, |job| {
        for cell in 0..SLEEPS {
            let child = wait_for_child_that_sleeps(|| job.set(cell, monotonic_ns()));
            job.set(cell, monotonic_ns() - job.get(cell));
            end_of(child);
        }
    });

    let labels = [("cgroup", cgroup.path.as_str()), ("state", "uninterruptible")];
    let before = exporter.histogram(OFF_CPU, &labels);
    worker.work();
    let sleeps = exporter.histogram(OFF_CPU, &labels).since(&before);

    let truth: Vec<_> = (0..SLEEPS).map(|cell| worker.get(cell)).collect();
    assert!(truth.iter().all(|sleep| *sleep >= 100_000_000), "vfork did not wait: {truth:?}");
    sleeps.assert_largest_are(truth);
    let longer =
        sleeps.largest(usize::MAX).iter().filter(|bucket| **bucket >= index(100_000_000) - 1).count();
    assert_eq!(longer, SLEEPS, "{sleeps:?}");
}

/// A fork that waits as vfork does, but gives the child its own memory, so that it is safe here.
fn wait_for_child_that_sleeps(begin: impl Fn()) -> libc::pid_t {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    // SAFETY: no new stack and no pointers to fill; the child takes no locks and no memory.
    unsafe {
        let flags = libc::CLONE_VFORK | libc::SIGCHLD;
        let pid = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0);
        assert!(pid >= 0, "cannot clone");
        if pid == 0 {
            begin();
            libc::syscall(libc::SYS_nanosleep, &raw const time, ptr::null_mut::<libc::timespec>());
            libc::syscall(libc::SYS_exit_group, 0);
        }
        pid as libc::pid_t
    }
}

/// The clock that parent and child share.
fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
