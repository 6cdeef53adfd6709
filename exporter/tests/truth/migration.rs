//! Moves to another CPU.

use std::fs;

use crate::harness::*;

/// A task that is always allowed one CPU only moves exactly when that changes, and the kernel's own number
/// of its moves, where it shows it, says the same.
#[test]
fn a_task_that_moves_itself_is_counted_exactly() {
    const MOVES: usize = 1000;
    let Some(_turn) = turn() else { return };
    let [first, .., last] = cpus()[..] else {
        println!("SKIPPED: there is only one CPU to be on");
        return;
    };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("move");
    let mut worker = Worker::spawn(
        "truth-move",
        &cgroup,
        || pin(first),
        |_| {
            for number in 0..MOVES {
                pin(if number % 2 == 0 { last } else { first });
            }
        },
    );

    let (between, by_kernel) = exporter.during(|| {
        let before = moves_by_kernel(worker.pid);
        worker.work();
        moves_by_kernel(worker.pid).zip(before).map(|(after, before)| after - before)
    });

    let moves = between.count("kernel_scheduler_migrations_total", &[("cgroup", &cgroup.path)]);
    assert_eq!(moves, MOVES as u64);
    assert!(by_kernel.is_none_or(|truth| truth == moves), "{moves}, by the kernel {by_kernel:?}");
}

/// Only kernels with CONFIG_SCHED_DEBUG have it.
fn moves_by_kernel(pid: libc::pid_t) -> Option<u64> {
    let sched = fs::read_to_string(format!("/proc/{pid}/sched")).ok()?;
    let line = sched.lines().find(|line| line.starts_with("se.nr_migrations"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
