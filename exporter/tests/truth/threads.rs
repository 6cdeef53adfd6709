//! Processes with several threads.

use std::{fs, thread, time::Duration};

use crate::harness::*;

const THREADS: u64 = 2;

/// A thread that uses something and then sleeps in `read` until its process is killed or told to go on.
fn use_something(mut hold: impl std::io::Read) {
    set_command("truth-thread");
    // When a test fails, no thread must wait forever: this one does not end with its leader.
    die_with_parent().expect("a valid call");
    for _ in 0..10 {
        busy(Duration::from_millis(50));
        thread::sleep(Duration::from_millis(1));
    }
    hold.read_exact(&mut [0]).expect("the other end stays open");
}

/// With series by process id, a living process of three threads has exactly the sums that the
/// kernel shows in its `/proc` entries: of its threads in `schedstat` and `status`, of the whole process in
/// `io` and (two parts in ticks, rounded down) in `stat`.
#[test]
fn a_living_process_is_as_proc_says() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("collectors: {process: {processes_by: pid}}\n");
    let cgroup = Cgroup::make("threads");
    let mut worker = Worker::spawn(
        "truth-main",
        &cgroup,
        || {},
        |_| {
            let (hold, open) = pipe();
            for _ in 0..THREADS {
                let hold = hold.try_clone().expect("descriptors are left");
                thread::spawn(move || use_something(hold));
            }
            std::mem::forget(open); // for as long as the process lives
            let leader = std::process::id() as libc::pid_t;
            // The leader asks, which it does by `read`: of itself the kernel would say that it sleeps in it.
            let leader_path = format!("{leader}/task/{leader}");
            let others = || threads_of(leader).into_iter().filter(|thread| *thread != leader_path);
            wait_for("the threads sleep", || {
                others().filter(|thread| is_asleep(thread)).count() == THREADS as usize
            });
        },
    );
    worker.work();

    let scrape = exporter.scrape();

    let pid = worker.pid.to_string();
    let truth = Counts::of_process(worker.pid);
    assert_eq!(threads_of(worker.pid).len() as u64, 1 + THREADS);
    assert!(truth.cpu_ns > THREADS * 100_000_000, "{truth:?}");
    let labels = [("cgroup", cgroup.path.as_str()), ("pid", pid.as_str())];
    let with = |name, value| [&labels[..], &[(name, value)]].concat();
    let switches =
        |kind| scrape.sum("process_context_switches_total", &with("process_context_switch_type", kind));
    let cpu_ns = scrape.nanoseconds("process_cpu_time_seconds_total", &labels);
    assert_eq!(cpu_ns, truth.cpu_ns, "schedstat");
    assert_eq!(
        scrape.nanoseconds("kernel_process_run_queue_time_seconds_total", &labels),
        truth.run_queue_ns,
        "schedstat"
    );
    assert_eq!(switches("voluntary"), truth.voluntary, "status");
    assert_eq!(switches("involuntary"), truth.involuntary, "status");
    let disk = |direction| scrape.sum("process_disk_io_bytes_total", &with("disk_io_direction", direction));
    assert_eq!((disk("read"), disk("write")), disk_io(worker.pid), "io");
    let ticks = cpu_ticks(worker.pid);
    assert!((ticks..=ticks + 2).contains(&(cpu_ns / 10_000_000)), "stat: {ticks} ticks, {cpu_ns} ns");

    let of_pid: Vec<_> = scrape.samples.keys().filter(|(_, has)| has.get("pid") == Some(&pid)).collect();
    assert_eq!(of_pid.len(), 6, "{of_pid:?}");
}

/// `utime` and `stime` of a process, in ticks of 10 ms (man 5 proc).
fn cpu_ticks(pid: libc::pid_t) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let (_, after_name) = stat.rsplit_once(") ").expect("a name");
    let number = |field: usize| after_name.split(' ').nth(field - 3).expect("a field").parse::<u64>();
    number(14).expect("a number") + number(15).expect("a number")
}

/// A leader that ends before its threads stays in the process as a zombie. Nothing of the process may be lost
/// or change its name until the last thread is gone, and after that, its series end.
///
/// At the end, `wait4` says what the exporter says, but for the last switch of every thread that is not the
/// leader (see `Ended`); involuntary ones may be more by as much, when a thread is interrupted just then.
/// `wait4` also lacks what such a thread used after its last tick, which is less than 1 % of a second.
#[test]
fn a_leader_may_end_before_its_threads() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("leader");
    let mut process = None;
    let mut worker = Worker::spawn(
        "truth-parent",
        &cgroup,
        || {},
        |job| match process.take() {
            None => {
                let (hold, open) = pipe();
                let pid = fork(|| {
                    set_command("truth-leader");
                    for _ in 0..THREADS {
                        let hold = hold.try_clone().expect("descriptors are left");
                        thread::spawn(move || use_something(hold));
                    }
                    // SAFETY: ends this thread only; what is on its stack stays for the others.
                    unsafe { libc::syscall(libc::SYS_exit, 0) };
                });
                wait_for("the threads sleep and the leader is dead", || {
                    let asleep = threads_of(pid).iter().filter(|thread| is_asleep(thread)).count() as u64;
                    asleep == THREADS && is_zombie(pid)
                });
                wait_until_off_cpu(&pid.to_string());
                job.set(10, pid as u64);
                process = Some((pid, open));
            }
            Some((pid, mut open)) => {
                std::io::Write::write_all(&mut open, &[0; THREADS as usize]).expect("threads that read");
                let ended = end_of(pid);
                job.set(0, ended.usage.ru_nvcsw as u64);
                job.set(1, ended.usage.ru_nivcsw as u64);
                job.set(2, ended.cpu_ns());
            }
        },
    );
    worker.work();
    let pid = worker.get(10) as libc::pid_t;
    let labels = [("command", "truth-leader"), ("cgroup", cgroup.path.as_str())];
    let used = |scrape: &Scrape| {
        let switches = |kind| {
            let labels = [labels[0], labels[1], ("process_context_switch_type", kind)];
            scrape.sum("process_context_switches_total", &labels)
        };
        Counts {
            voluntary: switches("voluntary"),
            involuntary: switches("involuntary"),
            cpu_ns: scrape.nanoseconds("process_cpu_time_seconds_total", &labels),
            run_queue_ns: scrape.nanoseconds("kernel_process_run_queue_time_seconds_total", &labels),
        }
    };

    let truth = Counts::of_process(pid);
    assert!(truth.cpu_ns > THREADS * 100_000_000, "{truth:?}");
    for _ in 0..5 {
        let scrape = exporter.scrape();
        assert_eq!(used(&scrape), truth, "while threads live");
        let thread = [("command", "truth-thread"), labels[1]];
        let renamed = scrape.series("process_cpu_time_seconds_total", &thread).count();
        assert_eq!(renamed, 0, "the process has taken a thread's name");
    }

    worker.work();
    let voluntary = worker.get(0) + THREADS;
    // `wait4` does not wait until the last thread has left its CPU. And series end one by one, so all are
    // taken from the same scrape.
    let mut last = Counts::default();
    wait_for("the last switches are counted", || {
        last = used(&exporter.scrape());
        last.voluntary >= voluntary
    });
    assert_eq!(last.voluntary, voluntary);
    let involuntary = worker.get(1);
    assert!((involuntary..=involuntary + THREADS).contains(&last.involuntary), "{last:?}, {involuntary}");
    assert_within(0.01, last.cpu_ns, worker.get(2), "CPU time");
    wait_for("the series end", || used(&exporter.scrape()) == Counts::default());
}

fn is_zombie(pid: libc::pid_t) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}
