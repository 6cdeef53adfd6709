//! What is nobody's time: the idle task, and kernel threads that have nothing to do.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use crate::harness::*;

/// What the tasks of the root cgroup have done, by task.
struct Root {
    kernel: BTreeMap<String, Counts>,
    user: BTreeMap<String, Counts>,
}

impl Root {
    fn read() -> Self {
        let mut root = Self { kernel: BTreeMap::new(), user: BTreeMap::new() };
        for process in fs::read_dir("/proc").expect("always there").flatten() {
            let Ok(pid) = process.file_name().to_string_lossy().parse::<libc::pid_t>() else { continue };
            for thread in threads_of(pid) {
                let in_root = cgroup_of(&thread).as_deref() == Some("/");
                if let Some(counts) = Counts::of_task(&thread).filter(|_| in_root) {
                    let of_kernel = fs::read_link(format!("/proc/{pid}/exe")).is_err();
                    if of_kernel { &mut root.kernel } else { &mut root.user }.insert(thread, counts);
                }
            }
        }
        root
    }

    /// What has happened since; `None` when a task is gone, because then nobody knows.
    fn since(&self, before: &Self) -> Option<[Counts; 2]> {
        [(&self.kernel, &before.kernel), (&self.user, &before.user)]
            .map(|(now, before)| {
                before.keys().all(|task| now.contains_key(task)).then(|| {
                    let grown = |(task, counts): (&String, &Counts)| {
                        *counts - before.get(task).copied().unwrap_or_default()
                    };
                    now.iter().map(grown).fold(Counts::default(), std::ops::Add::add)
                })
            })
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .and_then(|both| both.try_into().ok())
    }
}

/// Switches of all CPUs, those of the idle tasks included.
fn all_switches() -> u64 {
    let stat = fs::read_to_string("/proc/stat").expect("always there");
    let line = stat.lines().find_map(|line| line.strip_prefix("ctxt ")).expect("always there");
    line.parse().expect("a number")
}

/// The idle tasks and most kernel threads are in the root cgroup. There, no more switches are counted than
/// its tasks have made, without the idle ones, and no more sleeps than its user tasks have made (and one for
/// each that slept already), without the kernel threads' idling, for which there is no state
/// `uninterruptible` either: that is for waits for something that must happen.
///
/// The proof needs a time in which both kinds were active: idle tasks made far more switches than the bound
/// leaves room for, and so did idling kernel threads.
#[test]
fn idling_is_not_counted() {
    const ENOUGH: u64 = 100;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("idle");
    // Wakes an idle CPU a few hundred times, and kernel threads as well: RCU's, and workers.
    let mut worker = Worker::spawn(
        "truth-idle",
        &cgroup,
        || {},
        |_| {
            for _ in 0..300 {
                std::thread::sleep(Duration::from_millis(2));
                end_of(fork(|| {}));
            }
        },
    );
    let in_root = |between: &Between, name: &str, label| between.count(name, &[("unit", "-.slice"), label]);
    let (begin, mut exceeded) = (Instant::now(), None);
    while begin.elapsed() < Duration::from_secs(60) {
        let (root, all) = (Root::read(), all_switches());
        let (between, ()) = exporter.during(|| worker.work());
        let all = all_switches() - all;
        let Some([kernel, user]) = Root::read().since(&root) else { continue };

        let swappers = between
            .after
            .series("process_cpu_time_seconds_total", &[])
            .filter(|(labels, _)| labels.get("command").is_some_and(|command| command.contains("swapper/")));
        assert_eq!(swappers.count(), 0, "the idle task is there as a process");
        let switches = "kernel_scheduler_context_switches_total";
        let involuntary = in_root(&between, switches, ("type", "involuntary"));
        let sleeps = "kernel_scheduler_off_cpu_duration_seconds_count";
        let asleep: u64 =
            ["interruptible", "other"].map(|state| in_root(&between, sleeps, ("state", state))).iter().sum();
        let most = user.voluntary + root.user.len() as u64;
        // A kernel worker that came and went in between is in no list, but its switches are counted.
        if involuntary > kernel.involuntary + user.involuntary || asleep > most {
            exceeded = Some(format!("{involuntary} switches, {asleep} sleeps: {kernel:?}, {user:?}"));
            continue;
        }

        let counted = between.count(switches, &[]);
        let by_idle = all.saturating_sub(counted);
        if by_idle > kernel.involuntary + user.involuntary + ENOUGH
            && asleep + kernel.voluntary > most + ENOUGH
        {
            return;
        }
    }
    assert_eq!(exceeded, None, "more than the root cgroup's tasks did, again and again");
    println!("SKIPPED: no CPU was idle for a minute, or no kernel thread was");
}
