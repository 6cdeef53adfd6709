//! System calls, against those that the test itself makes and times.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{accuracy::within, harness::*};

const COUNT: &str = "kernel_syscall_duration_seconds_count";
const CALLS: &str = "kernel_syscall_calls_total";
const ERRORS: &str = "kernel_syscall_errors_total";

/// Only this collector, so that the others' programs do not disturb.
fn config(section: &str) -> String {
    format!("collectors: {{syscalls: {{enabled: true, {section}}}}}\n")
}

/// Enough for a cell that loses one in a million to show; an emulated CPU is much slower.
fn many() -> u64 {
    if in_vm() { 50_000 } else { 1_000_000 }
}

fn call(number: libc::c_long) {
    // SAFETY: only numbers of calls that take no arguments or ignore them.
    unsafe { libc::syscall(number) };
}

/// A worker in a cgroup of its own, which makes calls.
fn caller(cgroup: &Cgroup, mut work: impl FnMut()) -> Worker {
    Worker::spawn("caller", cgroup, || {}, move |_| work())
}

/// Missed starts and missing entries since `between` began.
fn failures(between: &Between, kind: &str) -> u64 {
    between.count("kernel_exporter_failures_total", &[("family", "syscalls"), ("kind", kind)])
}

#[test]
fn every_call_is_counted_by_name_and_cgroup() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("calls");
    let exporter = Exporter::start(&config("by: cgroup"));
    let mut worker = caller(&cgroup, || (0..many()).for_each(|_| call(libc::SYS_getppid)));
    let (between, ()) = exporter.during(|| worker.work());
    let counted = between.count(COUNT, &[("cgroup", &cgroup.path), ("syscall", "getppid")]);
    within(&format!("{COUNT} by cgroup"), "the calls of a loop", counted, many()..=many());
    // The worker's own, at the gate: it has ended one read and begun another.
    let waited = between.count(COUNT, &[("cgroup", &cgroup.path), ("syscall", "read")]);
    assert!((1..100).contains(&waited), "{waited} reads");
    assert_eq!(failures(&between, "task_entry_missing"), 0);
}

#[test]
fn every_call_is_counted_by_name_alone() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("calls");
    let exporter = Exporter::start(&config("by: none"));
    let mut worker = caller(&cgroup, || (0..many()).for_each(|_| call(libc::SYS_getppid)));
    let (between, ()) = exporter.during(|| worker.work());
    // Whoever else makes this call on this machine makes it rarely.
    let counted = between.count(COUNT, &[("syscall", "getppid")]);
    within(COUNT, "the calls of a loop", counted, many()..=many() + 1000);
    let series = between.after.series(COUNT, &[]).count();
    assert!(series < 200, "{series} series: those of calls that nobody makes, too");
}

/// Calls that are told apart by nothing but their names, without a clock.
#[test]
fn counters_count_all_calls_also_those_that_never_return() {
    let Some(_turn) = turn() else { return };
    for by in ["cgroup", "none"] {
        let cgroup = Cgroup::make("counters");
        let exporter = Exporter::start(&config(&format!("detail: counters, by: {by}")));
        let mut worker = caller(&cgroup, || {
            (0..many()).for_each(|_| call(libc::SYS_getppid));
            (0..20).for_each(|_| {
                end_of(fork(|| {}));
            });
        });
        let (between, ()) = exporter.during(|| worker.work());
        let of = |name| {
            let whose = ("cgroup", &*cgroup.path);
            let labels =
                if by == "cgroup" { vec![("syscall", name), whose] } else { vec![("syscall", name)] };
            between.count(CALLS, &labels)
        };
        let more = if by == "cgroup" { 0 } else { 1000 };
        within(&format!("{CALLS} by {by}"), "the calls of a loop", of("getppid"), many()..=many() + more);
        within(&format!("{CALLS}{{exit_group}} by {by}"), "children", of("exit_group"), 20..=20 + more);
        let durations = between.after.series(COUNT, &[]).count();
        assert_eq!(durations, 0, "there are no durations");
    }
}

#[test]
fn tasks_that_are_made_end_and_execute_are_measured_once() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tasks");
    let exporter = Exporter::start(&config("by: cgroup"));
    let mut worker = caller(&cgroup, || {
        for _ in 0..50 {
            end_of(fork(|| {
                let program =
                    std::ffi::CString::new(binary().as_os_str().as_encoded_bytes()).expect("a path");
                let arguments = [program.as_ptr(), c"--version".as_ptr(), std::ptr::null()];
                // SAFETY: C strings, and a list that ends.
                unsafe {
                    libc::close(1);
                    libc::execv(program.as_ptr(), arguments.as_ptr());
                }
            }));
        }
    });
    let (between, ()) = exporter.during(|| worker.work());
    let of = |metric, name| between.count(metric, &[("cgroup", &*cgroup.path), ("syscall", name)]);
    within("kernel_syscall_duration_seconds_count{clone}", "children", of(COUNT, "clone"), 50..=50);
    within("kernel_syscall_duration_seconds_count{execve}", "children", of(COUNT, "execve"), 50..=50);
    within("kernel_syscall_calls_total{exit_group}", "children", of(CALLS, "exit_group"), 50..=50);
    assert_eq!(of(CALLS, "clone"), 0, "what has a duration is not counted twice");
}

#[test]
fn errors_are_counted_by_class() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("errors");
    let exporter = Exporter::start(&config("by: cgroup"));
    let (read, _write) = pipe();
    let mut worker = caller(&cgroup, || {
        let mut byte = 0u8;
        let nothing = (&raw mut byte).cast();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&read);
        // SAFETY: a valid path, a descriptor that is open, and room for a byte.
        unsafe {
            libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK);
            for _ in 0..300 {
                libc::open(c"/no/such/file".as_ptr(), libc::O_RDONLY);
            }
            for _ in 0..200 {
                libc::read(fd, nothing, 1);
            }
            for _ in 0..100 {
                libc::read(-1, nothing, 1);
            }
            let now = libc::timespec { tv_sec: 0, tv_nsec: 1 };
            for _ in 0..50 {
                let word = 0u32;
                libc::syscall(libc::SYS_futex, &raw const word, libc::FUTEX_WAIT, 0, &raw const now);
            }
        }
    });
    let (between, ()) = exporter.during(|| worker.work());
    for (name, class, truth) in [
        ("openat", "not_found", 300),
        ("read", "again", 200),
        ("read", "invalid", 100),
        ("futex", "timeout", 50),
    ] {
        let labels = [("cgroup", &*cgroup.path), ("syscall", name), ("error_type", class)];
        let counted = between.count(ERRORS, &labels);
        within(&format!("{ERRORS}{{{name},{class}}}"), "the calls that failed", counted, truth..=truth);
    }
}

/// What seccomp turns down is an error, and no call.
#[test]
fn calls_that_seccomp_turns_down_are_errors() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("seccomp");
    let exporter = Exporter::start(&config("by: cgroup, names: [getuid, getppid]"));
    let mut worker = caller(&cgroup, || {
        end_of(fork(|| {
            turn_down(libc::SYS_getuid as u32);
            for _ in 0..100 {
                call(libc::SYS_getuid);
            }
        }));
    });
    let (between, ()) = exporter.during(|| worker.work());
    let labels = [("cgroup", &*cgroup.path), ("syscall", "getuid"), ("error_type", "permission")];
    within(&format!("{ERRORS}{{seccomp}}"), "the calls", between.count(ERRORS, &labels), 100..=100);
    assert_eq!(between.count(COUNT, &labels[..2]), 0, "nothing was done for them");
    assert_eq!(failures(&between, "start_missed"), 0);
}

/// From now on this call of this process fails with `EPERM`.
fn turn_down(number: u32) {
    let statement = |code: u32, k| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let mut filter = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0), // the number
        libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number) },
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: a valid filter program, which the kernel copies.
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    assert_eq!(result, 0, "cannot use seccomp: {}", std::io::Error::last_os_error());
}

/// Sleeps are among the calls that wait, and as long as the sleeper's own clock says.
#[test]
fn waits_are_told_apart_and_take_as_long_as_they_take() {
    let Some(_turn) = turn() else { return };
    const SLEEP: Duration = Duration::from_millis(10);
    const SLEEPS: u64 = 25;
    const WAIT: &str = "kernel_syscall_wait_duration_seconds";
    let cgroup = Cgroup::make("waits");
    let exporter = Exporter::start(&config("by: cgroup"));
    let mut worker = Worker::spawn(
        "sleeper",
        &cgroup,
        || {},
        |job| {
            for sleep in 0..SLEEPS {
                let time = libc::timespec { tv_sec: 0, tv_nsec: SLEEP.as_nanos() as i64 };
                let begin = Instant::now();
                // SAFETY: a valid time.
                unsafe { libc::syscall(libc::SYS_nanosleep, &raw const time, 0) };
                job.set(sleep as usize, begin.elapsed().as_nanos() as u64);
            }
        },
    );
    let labels = [("cgroup", &*cgroup.path), ("syscall", "nanosleep")];
    let before = exporter.histogram(WAIT, &labels);
    let (between, ()) = exporter.during(|| worker.work());
    let measured = exporter.histogram(WAIT, &labels).since(&before);
    let truth: Vec<_> = (0..SLEEPS as usize).map(|sleep| worker.get(sleep)).collect();
    let counted = between.count(&format!("{WAIT}_count"), &labels);
    within(&format!("{WAIT}_count"), "the sleeps", counted, SLEEPS..=SLEEPS);
    let sum = between.nanoseconds(&format!("{WAIT}_sum"), &labels);
    // The clock is read outside of the call; the program on its beginning comes after its entry.
    let shortest = SLEEPS * SLEEP.as_nanos() as u64;
    within(
        &format!("{WAIT}_sum"),
        "the sleeper's clock",
        sum,
        shortest - shortest / 1000..=truth.iter().sum(),
    );
    measured.assert_none_longer_than(truth);
    assert_eq!(between.after.series(COUNT, &labels).count(), 0, "it is not among the others");
}

#[test]
fn only_what_is_named_is_measured() {
    let Some(_turn) = turn() else { return };
    for detail in ["histograms", "counters"] {
        let cgroup = Cgroup::make("names");
        let exporter = Exporter::start(&config(&format!("detail: {detail}, names: [getppid, openat]")));
        let mut worker = caller(&cgroup, || {
            for _ in 0..1000 {
                call(libc::SYS_getppid);
                call(libc::SYS_getuid);
            }
        });
        let (between, ()) = exporter.during(|| worker.work());
        let metric = if detail == "counters" { CALLS } else { COUNT };
        let counted = between.count(metric, &[("syscall", "getppid")]);
        within(&format!("{metric} of a list"), "the calls", counted, 1000..=1100);
        let others = between.after.samples.keys().filter_map(|(_, labels)| labels.get("syscall"));
        let others: Vec<_> = others.filter(|name| !["getppid", "openat"].contains(&&***name)).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

/// 32-bit system calls have numbers of their own: what is `getpid` there is `writev` here.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_by_other_numbers_are_not_taken_for_ours() {
    let Some(_turn) = turn() else { return };
    if !fs::read_to_string("/proc/kallsyms")
        .is_ok_and(|symbols| symbols.contains("do_int80") || symbols.contains("entry_INT80"))
    {
        println!("SKIPPED: this kernel has no 32-bit system calls");
        return;
    }
    const GETPID: u32 = 20;
    let cgroup = Cgroup::make("compat");
    for detail in ["histograms", "counters"] {
        let exporter = Exporter::start(&config(&format!("by: cgroup, detail: {detail}")));
        let mut worker = caller(&cgroup, || {
            for _ in 0..5000 {
                let result: u32;
                // SAFETY: a system call without arguments; before Linux 6.7 it clears r8 to r11.
                unsafe {
                    std::arch::asm!(
                        "int 0x80",
                        inlateout("eax") GETPID => result,
                        out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                    );
                }
                assert_eq!(result, std::process::id());
            }
        });
        let (between, ()) = exporter.during(|| worker.work());
        let metric = if detail == "counters" { CALLS } else { COUNT };
        let of = |name| between.count(metric, &[("cgroup", &*cgroup.path), ("syscall", name)]);
        within(&format!("{metric}{{compat}}"), "the calls", of("compat"), 5000..=5000);
        assert_eq!(of("writev"), 0);
    }
}

/// What is remembered of a task is found by where its stack is, which the next task gets.
#[test]
fn tasks_that_get_the_stacks_of_the_dead_are_counted() {
    const TASKS: u64 = 300;
    const CALLS_OF_EACH: u64 = 50;
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("stacks");
    let exporter = Exporter::start(&config("by: cgroup"));
    let mut worker = caller(&cgroup, || {
        for task in 0..TASKS {
            let child = fork(|| {
                (0..CALLS_OF_EACH).for_each(|_| call(libc::SYS_getppid));
                if task % 2 == 0 {
                    // SAFETY: no preconditions. It dies on its way out of this call.
                    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
                }
            });
            // SAFETY: waits for a child of ours.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        }
    });
    let (between, ()) = exporter.during(|| worker.work());
    let counted = between.count(COUNT, &[("cgroup", &cgroup.path), ("syscall", "getppid")]);
    let all = TASKS * CALLS_OF_EACH;
    within(&format!("{COUNT} of tasks one after the other"), "the calls of loops", counted, all..=all);
}
