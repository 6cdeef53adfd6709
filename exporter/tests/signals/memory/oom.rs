//! Victims of the OOM killer.

use std::{fs, time::Duration};

use super::{config, setting::*};
use crate::{accuracy::within, harness::*};

const KILLS: &str = "kernel_memory_oom_kills_total";

/// A process in the cgroup that takes more than there is.
fn victim(bounded: &Bounded, mebibytes: usize) -> libc::pid_t {
    fork(|| {
        die_with_parent().expect("a valid call");
        bounded.cgroup.enter();
        Mapping::anonymous(mebibytes * MIB).write_all();
    })
}

/// The signal by which a process ended.
fn signal_of(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: room for the status of a child.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) { libc::WTERMSIG(status) } else { 0 }
}

#[test]
fn victims_of_a_limit_are_counted_where_they_were() {
    const VICTIMS: u64 = 5;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(""));
    let (bounded, other) = (Bounded::make("victims", 16), Bounded::make("survivors", 64));
    let (between, ()) = exporter.during(|| {
        for _ in 0..VICTIMS {
            assert_eq!(signal_of(victim(&bounded, 64)), libc::SIGKILL);
        }
        assert_eq!(signal_of(victim(&other, 8)), 0);
    });
    let killed = bounded.oom_kills();
    assert_eq!(killed, VICTIMS, "the kernel's own count");
    let labels = [("oom_scope", "limit"), ("cgroup", &*bounded.cgroup.path)];
    within(
        &format!("{KILLS}{{oom_scope=\"limit\"}}"),
        "oom_kill",
        between.count(KILLS, &labels),
        killed..=killed,
    );
    assert_eq!(between.count(KILLS, &[("cgroup", &*bounded.cgroup.path)]), killed, "none of another scope");
    assert_eq!(between.count(KILLS, &[("cgroup", &*other.cgroup.path)]), 0);
}

/// One of them is at fault, and all are killed. Only cgroup v2 has such groups.
#[test]
fn all_victims_of_a_group_are_counted() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(""));
    let bounded = Bounded::make("group", 16);
    if bounded.is_v2() {
        bounded.set("memory.oom.group", "1");
    }
    let (between, ()) = exporter.during(|| {
        let idle: Vec<_> = (0..3)
            .map(|_| {
                fork(|| {
                    die_with_parent().expect("a valid call");
                    bounded.cgroup.enter();
                    Mapping::anonymous(PAGE).write_all();
                    std::thread::sleep(Duration::from_secs(60));
                })
            })
            .collect();
        let procs = bounded.cgroup.folder().join("cgroup.procs");
        wait_for("three are in", || fs::read_to_string(&procs).expect("readable").lines().count() == 3);
        assert_eq!(signal_of(victim(&bounded, 64)), libc::SIGKILL);
        for pid in idle {
            if !bounded.is_v2() {
                // SAFETY: a child that has not been waited for.
                unsafe { libc::kill(pid, libc::SIGTERM) };
            }
            let signal = signal_of(pid);
            assert_eq!(signal, if bounded.is_v2() { libc::SIGKILL } else { libc::SIGTERM });
        }
    });
    // The kernel itself counts who is at fault once more when it goes through the group, if he is still there by then.
    let (killed, counted) = (if bounded.is_v2() { 4 } else { 1 }, bounded.oom_kills());
    assert!((killed..=killed + u64::from(bounded.is_v2())).contains(&counted), "{counted} of {killed}");
    let labels = [("oom_scope", "limit"), ("cgroup", &*bounded.cgroup.path)];
    let metric = format!("{KILLS}{{oom_scope=\"limit\"}}");
    within(&metric, "processes of a group", between.count(KILLS, &labels), killed..=killed);
}

/// The machine runs out of memory, and kills who was offered first.
#[test]
fn a_victim_of_the_whole_machine_has_no_limit_to_blame() {
    let Some(_turn) = turn() else { return };
    if !in_vm() {
        return;
    }
    let exporter = Exporter::start(&config(""));
    let bounded = Bounded::make("global", 4096);
    let killed = vmstat("oom_kill");
    let (between, ()) = exporter.during(|| {
        let pid = fork(|| {
            die_with_parent().expect("a valid call");
            bounded.cgroup.enter();
            fs::write("/proc/self/oom_score_adj", "1000").expect("anybody may offer himself");
            Mapping::anonymous(4095 * MIB).write_all();
        });
        assert_eq!(signal_of(pid), libc::SIGKILL);
    });
    let killed = vmstat("oom_kill") - killed;
    let labels = [("oom_scope", "global"), ("cgroup", &*bounded.cgroup.path)];
    within(
        &format!("{KILLS}{{oom_scope=\"global\"}}"),
        "/proc/vmstat",
        between.count(KILLS, &labels),
        killed..=killed,
    );
    assert!(killed > 0);
}
