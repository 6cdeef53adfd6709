//! Beginnings and ends of processes, against what `wait4`, `/proc/stat` and the makers of the processes say.

mod children;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Command,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::{
    accuracy::{skipped, within},
    harness::*,
};
use children::{end_this_thread, exec, exit_group, kill_self, program, status_of};

/// Only this collector, so that the others' programs do not disturb.
const CONFIG: &str = "collectors: {lifecycle: {by: cgroup}}\n";

const CREATED: &str = "system_process_created_total";
const THREADS: &str = "kernel_thread_created_total";
const THREAD_EXITS: &str = "kernel_thread_exits_total";
const EXECS: &str = "kernel_process_execs_total";
const FAILURES: &str = "kernel_process_exec_failures_total";
const EXITS: &str = "kernel_process_exits_total";
const SIGNALS: &str = "kernel_process_fatal_signals_total";
const LIFETIMES: &str = "kernel_process_lifetime_seconds_count";
const EXEC_DELAYS: &str = "kernel_process_exec_delay_seconds_count";

/// What an exporter has told of a process in a cgroup of its own and its children, while they did `work`.
struct Told {
    between: Between,
    // Before the cgroup, which goes when nobody is in it.
    worker: Worker,
    cgroup: Cgroup,
    /// Runs of the programs that the kernel skipped, on any of their hooks.
    skipped: u64,
}

impl Told {
    fn of(name: &str, work: impl FnMut(&Job)) -> Self {
        let exporter = Exporter::start(CONFIG);
        let cgroup = Cgroup::make(name);
        let mut worker = Worker::spawn("lifecycle", &cgroup, || {}, work);
        let (between, ()) = exporter.during(|| worker.work());
        let skipped = skipped(&between, "lifecycle");
        Self { between, worker, cgroup, skipped }
    }

    fn count(&self, metric: &str, labels: &[(&str, &str)]) -> u64 {
        self.between.count(metric, &[&[("cgroup", &*self.cgroup.path)], labels].concat())
    }

    fn nanoseconds(&self, metric: &str) -> u64 {
        self.between.nanoseconds(metric, &[("cgroup", &self.cgroup.path)])
    }

    /// Exact, but for what the kernel did not show.
    #[track_caller]
    fn exactly(&self, metric: &str, labels: &[(&str, &str)], source: &str, truth: u64) {
        let values: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let least = truth.saturating_sub(self.skipped);
        within(
            &format!("{metric}{{{}}}", values.join(",")),
            source,
            self.count(metric, labels),
            least..=truth,
        );
    }
}

/// Every class of exits, and signals with names of all kinds, each as often as nothing else.
#[test]
fn processes_end_as_wait4_says() {
    let Some(_turn) = turn() else { return };
    const CODES: [(i32, u32); 9] =
        [(0, 5), (1, 2), (125, 1), (126, 3), (127, 4), (128, 1), (137, 2), (192, 1), (255, 1)];
    const KILLED: [(i32, u32, &str); 5] = [
        (libc::SIGKILL, 3, "SIGKILL"),
        (libc::SIGSEGV, 2, "SIGSEGV"),
        (libc::SIGABRT, 1, "SIGABRT"),
        (34, 1, "SIGRTMIN"),
        (64, 2, "SIGRTMIN+30"),
    ];
    let told = Told::of("ends", |_| {
        for (code, times) in CODES {
            for _ in 0..times {
                let status = status_of(fork(|| exit_group(code)));
                assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == code);
            }
        }
        for (signal, times, _) in KILLED {
            for _ in 0..times {
                let status = status_of(fork(|| kill_self(signal)));
                assert!(
                    libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == signal,
                    "{signal}: {status:x}"
                );
            }
        }
    });
    for (class, truth) in [
        ("success", 5),
        ("failure", 5),
        ("not_executable", 3),
        ("not_found", 4),
        ("child_killed", 3),
        ("killed", 9),
    ] {
        told.exactly(EXITS, &[("exit_class", class)], "wait4", truth);
    }
    for (_, times, name) in KILLED {
        told.exactly(SIGNALS, &[("signal", name)], "wait4", times.into());
    }
    told.exactly(SIGNALS, &[], "wait4", 9);
    told.exactly(EXITS, &[], "wait4", 29);
    told.exactly(CREATED, &[], "fork", 29);
    for metric in [THREADS, THREAD_EXITS, EXECS] {
        told.exactly(metric, &[], "nothing was done", 0);
    }
}

#[test]
fn no_short_lived_process_is_missed() {
    let Some(_turn) = turn() else { return };
    const PROCESSES: u64 = 1000;
    let program = program("true");
    let told = Told::of("short", move |_| {
        for _ in 0..PROCESSES {
            let child = fork(|| exit_group(exec(&program, None)));
            assert_eq!(status_of(child), 0);
        }
    });
    for (metric, source) in [
        (CREATED, "fork"),
        (EXITS, "wait4"),
        (EXECS, "execve"),
        (LIFETIMES, "wait4"),
        (EXEC_DELAYS, "execve"),
    ] {
        told.exactly(metric, &[], source, PROCESSES);
    }
}

/// What a process with threads ends with, and when: each way counts one process.
#[test]
fn a_process_with_threads_ends_once() {
    let Some(_turn) = turn() else { return };
    const ROUNDS: u64 = 50;
    const MANY: u64 = 16;
    /// Does `work` in a second thread.
    fn in_thread(work: impl FnOnce() + Send + 'static) {
        thread::spawn(work);
    }
    let told = Told::of("threads", |_| {
        for _ in 0..ROUNDS {
            // The first thread ends long before the last one, whose status it is then not.
            let leader_first = status_of(fork(|| {
                in_thread(|| {
                    thread::sleep(Duration::from_millis(5));
                    exit_group(3);
                });
                end_this_thread(7);
            }));
            assert_eq!(libc::WEXITSTATUS(leader_first), 3);
            // Another thread ends all.
            let other_thread = status_of(fork(|| {
                in_thread(|| exit_group(126));
                thread::sleep(Duration::from_secs(60));
            }));
            assert_eq!(libc::WEXITSTATUS(other_thread), 126);
            // All of them at the same moment, by one signal.
            let killed = status_of(fork(|| {
                let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(MANY as usize + 1)));
                for _ in 0..MANY {
                    in_thread(|| {
                        barrier.wait();
                        thread::sleep(Duration::from_secs(60));
                    });
                }
                barrier.wait();
                kill_self(libc::SIGTERM);
            }));
            assert_eq!(libc::WTERMSIG(killed), libc::SIGTERM);
            // All of them at the same moment, each on its own.
            let alone = status_of(fork(|| {
                let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(3)));
                for _ in 0..2 {
                    in_thread(|| {
                        barrier.wait();
                        end_this_thread(0);
                    });
                }
                barrier.wait();
                end_this_thread(0);
            }));
            assert_eq!(alone, 0);
        }
    });
    for class in ["failure", "not_executable", "killed", "success"] {
        told.exactly(EXITS, &[("exit_class", class)], "wait4, with threads", ROUNDS);
    }
    for metric in [EXITS, LIFETIMES] {
        told.exactly(metric, &[], "wait4, with threads", 4 * ROUNDS);
    }
    told.exactly(SIGNALS, &[("signal", "SIGTERM")], "wait4, with threads", ROUNDS);
    for metric in [THREADS, THREAD_EXITS] {
        told.exactly(metric, &[], "clone", ROUNDS * (1 + 1 + MANY + 2));
    }
}

/// One that goes on as another program from a thread that is not the first: the first one ends, the process does not.
#[test]
fn an_exec_by_another_thread_ends_no_process() {
    let Some(_turn) = turn() else { return };
    const ROUNDS: u64 = 20;
    let program = program("true");
    let told = Told::of("exec", move |_| {
        for _ in 0..ROUNDS {
            let program = program.clone();
            let status = status_of(fork(|| {
                thread::spawn(move || exit_group(exec(&program, None)));
                thread::sleep(Duration::from_secs(60));
            }));
            assert_eq!(status, 0);
        }
    });
    for metric in [CREATED, THREADS, THREAD_EXITS, EXECS, EXITS, EXEC_DELAYS] {
        told.exactly(metric, &[], "wait4, exec by a thread", ROUNDS);
    }
}

/// A program that executes another one in its place is one process, whose first exec alone is timed.
#[test]
fn only_the_first_exec_is_timed() {
    let Some(_turn) = turn() else { return };
    const ROUNDS: u64 = 20;
    let (env, again) = (program("env"), program("true"));
    let told = Told::of("again", move |_| {
        for _ in 0..ROUNDS {
            let child = fork(|| exit_group(exec(&env, again.to_str())));
            assert_eq!(status_of(child), 0);
        }
    });
    told.exactly(EXECS, &[], "execve, twice", 2 * ROUNDS);
    told.exactly(EXEC_DELAYS, &[], "fork", ROUNDS);
    told.exactly(EXITS, &[], "wait4", ROUNDS);
}

/// By the parent's clock a process begins somewhere in its call of fork and ends before its call of wait returns.
#[test]
fn times_are_those_of_the_parents_clock() {
    let Some(_turn) = turn() else { return };
    const BEFORE_EXEC: Duration = Duration::from_millis(50);
    const AFTER_EXEC: Duration = Duration::from_millis(120);
    let program = program("sleep");
    let told = Told::of("times", move |job| {
        let begin = Instant::now();
        let child = fork(|| {
            thread::sleep(BEFORE_EXEC);
            exit_group(exec(&program, Some("0.12")));
        });
        let forked = begin.elapsed();
        assert_eq!(status_of(child), 0);
        let all = begin.elapsed();
        job.set(0, all.saturating_sub(forked).as_nanos() as u64);
        job.set(1, all.as_nanos() as u64);
    });
    let (least, most) = (told.worker.get(0), told.worker.get(1));
    // The child is gone a moment before the parent hears of it and runs again.
    let waking = least / 5;
    let lifetime = told.nanoseconds("kernel_process_lifetime_seconds_sum");
    within(
        "kernel_process_lifetime_seconds_sum",
        "clock around fork and wait4",
        lifetime,
        least - waking..=most,
    );
    let delay = told.nanoseconds("kernel_process_exec_delay_seconds_sum");
    let (before, after) = (BEFORE_EXEC.as_nanos() as u64, AFTER_EXEC.as_nanos() as u64);
    within("kernel_process_exec_delay_seconds_sum", "sleeps around execve", delay, before..=most - after);
    assert!(least >= before + after - waking, "the child has slept twice: {least} ns");
}

/// The sum over all cgroups against the kernel's own count of forks, processes and threads together.
#[test]
fn all_forks_are_those_of_the_kernel() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let read = || -> u64 {
        let stat = fs::read_to_string("/proc/stat").expect("procfs");
        let line = stat.lines().find_map(|line| line.strip_prefix("processes "));
        line.expect("the kernel counts forks").trim().parse().expect("a number")
    };
    let (first, before, second) = (read(), exporter.scrape(), read());
    for _ in 0..100 {
        let _ = Command::new(program("true")).status().expect("it runs");
        thread::spawn(|| {}).join().expect("it does nothing");
    }
    let (third, after, fourth) = (read(), exporter.scrape(), read());
    let between = Between { before, after };
    let counted = between.count(CREATED, &[]) + between.count(THREADS, &[]);
    within(
        &format!("{CREATED} and {THREADS}"),
        "/proc/stat",
        counted,
        (third - second).saturating_sub(skipped(&between, "lifecycle"))..=fourth - first,
    );
    assert!(counted >= 190, "{counted} forks");
    assert_eq!(between.count("kernel_exporter_failures_total", &[("family", "lifecycle")]), 0);
}

#[test]
fn failed_execs_have_their_errors() {
    let Some(_turn) = turn() else { return };
    let folder = std::env::temp_dir().join(unique("execs"));
    fs::create_dir(&folder).expect("a folder for temporary files");
    let file = |name: &str, content: &[u8], mode| {
        let path = folder.join(name);
        fs::write(&path, content).expect("a new folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("our own file");
        path
    };
    let cases = [
        (folder.join("nothing"), 7, libc::ENOENT, "ENOENT"),
        (file("forbidden", b"#!/bin/true\n", 0o600), 5, libc::EACCES, "EACCES"),
        (file("senseless", b"no program at all\n", 0o755), 3, libc::ENOEXEC, "ENOEXEC"),
    ];
    let truths = cases.clone();
    let told = Told::of("fails", move |_| {
        for (path, times, error, _) in &cases {
            for _ in 0..*times {
                assert_eq!(exec(path, None), *error, "{}", path.display());
            }
        }
    });
    let lost = [("collector", "lifecycle"), ("lost", "failed execs")];
    if told.between.after.series("kernel_exporter_collector_missing_info", &lost).count() == 1 {
        assert!(!in_vm(), "these kernels allow programs on functions");
        assert_eq!(told.between.after.series(FAILURES, &[]).count(), 0, "what cannot be told is absent");
    } else {
        for (_, times, _, name) in truths {
            told.exactly(FAILURES, &[("error_type", name)], "execve", times);
        }
        told.exactly(FAILURES, &[], "execve", 15);
    }
    told.exactly(EXECS, &[], "none has succeeded", 0);
    fs::remove_dir_all(folder).expect("our own folder");
}
