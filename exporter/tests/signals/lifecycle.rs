//! Beginnings and ends of processes, against what `wait4`, `/proc/stat` and the makers of the processes say.

use std::{
    ffi::CString,
    fs, io,
    ops::RangeInclusive,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    ptr,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::{accuracy::within, harness::*};

/// Only this collector, so that the others' programs do not disturb.
const CONFIG: &str = "collectors: {scheduler: {enabled: false}, process: {enabled: false}, block_io: {enabled: false}, \
                      interrupts: {enabled: false}, network: {enabled: false}, lifecycle: {by: cgroup}}\n";

const CREATED: &str = "system_process_created_total";
const THREADS: &str = "kernel_thread_created_total";
const THREAD_EXITS: &str = "kernel_thread_exits_total";
const EXECS: &str = "kernel_process_execs_total";
const FAILURES: &str = "kernel_process_exec_failures_total";
const EXITS: &str = "kernel_process_exits_total";
const SIGNALS: &str = "kernel_process_fatal_signals_total";

/// An exporter, a cgroup, and a process in it that does `work` when told to.
fn with_worker(name: &str, work: impl FnMut(&Job)) -> (Exporter, Cgroup, Worker) {
    let exporter = Exporter::start(CONFIG);
    let cgroup = Cgroup::make(name);
    let worker = Worker::spawn("lifecycle", &cgroup, || {}, work);
    (exporter, cgroup, worker)
}

/// The wait status of a child.
fn status_of(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: a valid place for the status.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid, "{}", io::Error::last_os_error());
    status
}

/// Ends this thread alone, as `pthread_exit` in a program's `main` does.
fn end_this_thread(code: libc::c_int) -> ! {
    // SAFETY: nothing of this thread's stack is used by others.
    unsafe { libc::syscall(libc::SYS_exit, code) };
    unreachable!("exit does not return")
}

fn exit_group(code: libc::c_int) -> ! {
    // SAFETY: no preconditions.
    unsafe { libc::_exit(code) }
}

fn kill_self(signal: libc::c_int) -> ! {
    // SAFETY: no preconditions. What Rust's runtime or the test harness has set up for a signal is undone.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
        libc::kill(libc::getpid(), signal);
    }
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// Executes a file, as a C program does, with at most one argument; returns the error when that fails.
fn exec(file: &Path, argument: Option<&str>) -> i32 {
    let text = |text: &[u8]| CString::new(text).expect("no zero");
    let path = text(file.as_os_str().as_encoded_bytes());
    let argument = argument.map(|argument| text(argument.as_bytes()));
    let second = argument.as_ref().map_or(ptr::null(), |argument| argument.as_ptr());
    let (arguments, environment) = ([path.as_ptr(), second, ptr::null()], [ptr::null()]);
    // SAFETY: zero-terminated texts and lists.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error().raw_os_error().expect("execve only returns when it has failed")
}

/// The path of a program that every system has.
fn program(name: &str) -> PathBuf {
    let paths = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
    paths.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("no program {name}"))
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
    let (exporter, cgroup, mut worker) = with_worker("ends", |job| {
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
        job.set(0, 1);
    });
    let (between, ()) = exporter.during(|| worker.work());
    assert_eq!(worker.get(0), 1);
    let of_cgroup = |name: &str, labels: &[(&str, &str)]| {
        between.count(name, &[&[("cgroup", &*cgroup.path)], labels].concat())
    };
    for (class, truth) in [
        ("success", 5),
        ("failure", 5),
        ("not_executable", 3),
        ("not_found", 4),
        ("child_killed", 3),
        ("killed", 9),
    ] {
        let counted = of_cgroup(EXITS, &[("exit_class", class)]);
        within(&format!("{EXITS}{{exit_class=\"{class}\"}}"), "wait4", counted, seen(&between, truth));
    }
    for (_, times, name) in KILLED {
        let truth = u64::from(times);
        let counted = of_cgroup(SIGNALS, &[("signal", name)]);
        within(&format!("{SIGNALS}{{signal=\"{name}\"}}"), "wait4", counted, seen(&between, truth));
    }
    assert_eq!(of_cgroup(SIGNALS, &[]), 9, "no other signals");
    assert_eq!(of_cgroup(EXITS, &[]), 29, "no other ends");
    within(CREATED, "fork", of_cgroup(CREATED, &[]), seen(&between, 29));
    assert_eq!((of_cgroup(THREADS, &[]), of_cgroup(THREAD_EXITS, &[])), (0, 0));
    assert_eq!(of_cgroup(EXECS, &[]), 0);
}

#[test]
fn no_short_lived_process_is_missed() {
    let Some(_turn) = turn() else { return };
    const PROCESSES: u64 = 1000;
    let program = program("true");
    let (exporter, cgroup, mut worker) = with_worker("short", move |_| {
        for _ in 0..PROCESSES {
            let child = fork(|| exit_group(exec(&program, None)));
            assert_eq!(status_of(child), 0);
        }
    });
    let (between, ()) = exporter.during(|| worker.work());
    let of_cgroup = |name: &str| between.count(name, &[("cgroup", &cgroup.path)]);
    for (metric, source) in [(CREATED, "fork"), (EXITS, "wait4"), (EXECS, "execve")] {
        within(metric, source, of_cgroup(metric), seen(&between, PROCESSES));
    }
    for histogram in ["kernel_process_lifetime_seconds_count", "kernel_process_exec_delay_seconds_count"] {
        within(histogram, "fork", of_cgroup(histogram), seen(&between, PROCESSES));
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
    let (exporter, cgroup, mut worker) = with_worker("threads", |_| {
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
    let (between, ()) = exporter.during(|| worker.work());
    let of_cgroup = |name: &str, labels: &[(&str, &str)]| {
        between.count(name, &[&[("cgroup", &*cgroup.path)], labels].concat())
    };
    for class in ["failure", "not_executable", "killed", "success"] {
        let counted = of_cgroup(EXITS, &[("exit_class", class)]);
        within(
            &format!("{EXITS}{{exit_class=\"{class}\"}}, with threads"),
            "wait4",
            counted,
            seen(&between, ROUNDS),
        );
    }
    within(EXITS, "wait4", of_cgroup(EXITS, &[]), seen(&between, 4 * ROUNDS));
    assert_eq!(of_cgroup(SIGNALS, &[("signal", "SIGTERM")]), ROUNDS);
    let threads = ROUNDS * (1 + 1 + MANY + 2);
    within(THREADS, "clone", of_cgroup(THREADS, &[]), seen(&between, threads));
    within(THREAD_EXITS, "clone", of_cgroup(THREAD_EXITS, &[]), seen(&between, threads));
    assert_eq!(of_cgroup("kernel_process_lifetime_seconds_count", &[]), 4 * ROUNDS);
}

/// One that goes on as another program from a thread that is not the first: the first one ends, the process does not.
#[test]
fn an_exec_by_another_thread_ends_no_process() {
    let Some(_turn) = turn() else { return };
    const ROUNDS: u64 = 20;
    let program = program("true");
    let (exporter, cgroup, mut worker) = with_worker("exec", move |_| {
        for _ in 0..ROUNDS {
            let program = program.clone();
            let status = status_of(fork(|| {
                thread::spawn(move || exit_group(exec(&program, None)));
                thread::sleep(Duration::from_secs(60));
            }));
            assert_eq!(status, 0);
        }
    });
    let (between, ()) = exporter.during(|| worker.work());
    let of_cgroup = |name: &str| between.count(name, &[("cgroup", &cgroup.path)]);
    for metric in [CREATED, THREADS, THREAD_EXITS, EXECS, EXITS, "kernel_process_exec_delay_seconds_count"] {
        within(&format!("{metric}, exec by a thread"), "wait4", of_cgroup(metric), seen(&between, ROUNDS));
    }
}

/// A program that executes another one in its place is one process, whose first exec alone is timed.
#[test]
fn only_the_first_exec_is_timed() {
    let Some(_turn) = turn() else { return };
    const ROUNDS: u64 = 20;
    let (env, again) = (program("env"), program("true"));
    let (exporter, cgroup, mut worker) = with_worker("again", move |_| {
        for _ in 0..ROUNDS {
            let child = fork(|| exit_group(exec(&env, again.to_str())));
            assert_eq!(status_of(child), 0);
        }
    });
    let (between, ()) = exporter.during(|| worker.work());
    let of_cgroup = |name: &str| between.count(name, &[("cgroup", &cgroup.path)]);
    within(EXECS, "execve", of_cgroup(EXECS), seen(&between, 2 * ROUNDS));
    let timed = "kernel_process_exec_delay_seconds_count";
    within(timed, "fork", of_cgroup(timed), seen(&between, ROUNDS));
    within(EXITS, "wait4", of_cgroup(EXITS), seen(&between, ROUNDS));
}

/// By the parent's clock a process begins somewhere in its call of fork and ends before its call of wait returns.
#[test]
fn times_are_those_of_the_parents_clock() {
    let Some(_turn) = turn() else { return };
    const BEFORE_EXEC: Duration = Duration::from_millis(50);
    const AFTER_EXEC: Duration = Duration::from_millis(120);
    let program = program("sleep");
    let (exporter, cgroup, mut worker) = with_worker("times", move |job| {
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
    let (between, ()) = exporter.during(|| worker.work());
    let of_cgroup = |name: &str| between.nanoseconds(name, &[("cgroup", &cgroup.path)]);
    let (least, most) = (worker.get(0), worker.get(1));
    // The child is gone a moment before the parent hears of it and runs again.
    let waking = least / 5;
    let lifetime = of_cgroup("kernel_process_lifetime_seconds_sum");
    within(
        "kernel_process_lifetime_seconds_sum",
        "clock around fork and wait4",
        lifetime,
        least - waking..=most,
    );
    let delay = of_cgroup("kernel_process_exec_delay_seconds_sum");
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
    within(&format!("{CREATED} and {THREADS}"), "/proc/stat", counted, third - second..=fourth - first);
    assert!(counted >= 200, "{counted} forks");
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
    let (exporter, cgroup, mut worker) = with_worker("fails", move |_| {
        for (path, times, error, _) in &cases {
            for _ in 0..*times {
                assert_eq!(exec(path, None), *error, "{}", path.display());
            }
        }
    });
    let missing = exporter
        .scrape()
        .series("kernel_exporter_collector_missing_info", &[("lost", "failed execs")])
        .count();
    let (between, ()) = exporter.during(|| worker.work());
    let of_cgroup =
        |labels: &[(&str, &str)]| between.count(FAILURES, &[&[("cgroup", &*cgroup.path)], labels].concat());
    if missing == 1 {
        assert!(!in_vm(), "these kernels allow programs on functions");
        assert_eq!(between.after.series(FAILURES, &[]).count(), 0, "what cannot be told is absent");
    } else {
        for (_, times, _, name) in truths {
            within(
                &format!("{FAILURES}{{error_type=\"{name}\"}}"),
                "execve",
                of_cgroup(&[("error_type", name)]),
                seen(&between, times),
            );
        }
        assert_eq!(of_cgroup(&[]), 15, "no other errors");
    }
    assert_eq!(between.count(EXECS, &[("cgroup", &cgroup.path)]), 0, "none has succeeded");
    fs::remove_dir_all(folder).expect("our own folder");
}

/// So many, less those that the kernel kept from the programs because it had been interrupted in one of them on that CPU,
/// which it does where tracepoints can be preempted. They are counted.
fn seen(between: &Between, truth: u64) -> RangeInclusive<u64> {
    let missed = between.count("kernel_exporter_program_recursion_misses_total", &[("family", "lifecycle")]);
    truth - missed.min(truth)..=truth
}
