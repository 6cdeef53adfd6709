//! Sleeps, by state.

use std::{
    ptr, thread,
    time::{Duration, Instant},
};

use crate::harness::*;

const OFF_CPU: &str = "kernel_scheduler_off_cpu_duration_seconds";

/// A hundred sleeps of 50 ms are a hundred samples. None is longer than the sleeper's own clock says, by rank,
/// and nearly all are as long as it asked for: it falls asleep a moment after its timer has begun, which is long
/// only when the CPU itself was away just then. The sleep at the gate ends in this time too.
#[test]
fn sleeps_are_as_long_as_the_sleeper_says() {
    const SLEEPS: usize = 100;
    const ASKED: Duration = Duration::from_millis(50);
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("sleep");
    let mut worker = Worker::spawn("truth-sleep", &cgroup, run_first, |job| {
        job.set(0, job.waited_ns);
        for cell in 1..=SLEEPS {
            let begin = Instant::now();
            thread::sleep(ASKED);
            job.set(cell, begin.elapsed().as_nanos() as u64);
        }
    });

    let labels = [("cgroup", cgroup.path.as_str()), ("state", "interruptible")];
    let before = exporter.histogram(OFF_CPU, &labels);
    worker.work();
    let sleeps = exporter.histogram(OFF_CPU, &labels).since(&before);

    assert_eq!(sleeps.count(), SLEEPS as u64 + 1);
    sleeps.assert_none_longer_than((0..=SLEEPS).map(|cell| worker.get(cell)).collect());
    let whole = sleeps.at_least(ASKED);
    assert!(whole >= SLEEPS * 9 / 10, "{whole} of {SLEEPS} sleeps took {ASKED:?}: {sleeps:?}");
}

/// Whoever calls vfork sleeps uninterruptibly until the child is gone: here five times 100 ms, less what the
/// child had done before its parent fell asleep. Other such sleeps (for a page, for a lock) are possible, but
/// much shorter.
#[test]
fn uninterruptible_sleeps_are_told_apart() {
    const SLEEPS: usize = 5;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("vfork");
    let mut worker = Worker::spawn("truth-vfork", &cgroup, run_first, |job| {
        for cell in 0..SLEEPS {
            let begin = Instant::now();
            let child = wait_for_child_that_sleeps();
            job.set(cell, begin.elapsed().as_nanos() as u64);
            end_of(child);
        }
    });

    let labels = [("cgroup", cgroup.path.as_str()), ("state", "uninterruptible")];
    let before = exporter.histogram(OFF_CPU, &labels);
    worker.work();
    let sleeps = exporter.histogram(OFF_CPU, &labels).since(&before);

    sleeps.assert_none_longer_than((0..SLEEPS).map(|cell| worker.get(cell)).collect());
    assert_eq!(sleeps.at_least(Duration::from_millis(50)), SLEEPS, "{sleeps:?}");
}

/// A fork that waits as vfork does, but gives the child its own memory, so that it is safe here.
fn wait_for_child_that_sleeps() -> libc::pid_t {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    // SAFETY: no new stack and no pointers to fill; the child takes no locks and no memory.
    unsafe {
        let flags = libc::CLONE_VFORK | libc::SIGCHLD;
        let pid = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0);
        assert!(pid >= 0, "cannot clone");
        if pid == 0 {
            libc::syscall(libc::SYS_nanosleep, &raw const time, ptr::null_mut::<libc::timespec>());
            libc::syscall(libc::SYS_exit_group, 0);
        }
        pid as libc::pid_t
    }
}
