//! What the kernel says about tasks in `/proc`, and when that is final.

use std::{
    fs, io,
    ops::{Add, AddAssign, Sub},
};

use super::wait_for;

/// What one or more tasks used.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) voluntary: u64,
    pub(crate) involuntary: u64,
    /// `/proc/PID/schedstat`, first number.
    pub(crate) cpu_ns: u64,
    /// `/proc/PID/schedstat`, second number.
    pub(crate) run_queue_ns: u64,
}

impl Counts {
    /// Of one task: `PID`, for its leader alone, or `PID/task/TID`. `None` when it is gone.
    pub(crate) fn of_task(task: &str) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{task}/status")).ok()?;
        let schedstat = fs::read_to_string(format!("/proc/{task}/schedstat")).ok()?;
        let switches = |name| -> u64 {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            value.expect("every status has it").trim().parse().expect("a number")
        };
        let mut times = schedstat.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
        Some(Self {
            voluntary: switches("voluntary_ctxt_switches:"),
            involuntary: switches("nonvoluntary_ctxt_switches:"),
            cpu_ns: times.next().expect("three numbers"),
            run_queue_ns: times.next().expect("three numbers"),
        })
    }

    /// Of all threads that a process has now.
    pub(crate) fn of_process(pid: libc::pid_t) -> Self {
        let threads = threads_of(pid);
        threads
            .iter()
            .map(|thread| Self::of_task(thread).expect("nobody ends it"))
            .fold(Self::default(), Add::add)
    }

    pub(crate) fn switches(&self) -> u64 {
        self.voluntary + self.involuntary
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            voluntary: self.voluntary + other.voluntary,
            involuntary: self.involuntary + other.involuntary,
            cpu_ns: self.cpu_ns + other.cpu_ns,
            run_queue_ns: self.run_queue_ns + other.run_queue_ns,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            voluntary: self.voluntary - other.voluntary,
            involuntary: self.involuntary - other.involuntary,
            cpu_ns: self.cpu_ns - other.cpu_ns,
            run_queue_ns: self.run_queue_ns - other.run_queue_ns,
        }
    }
}

/// The threads of a process, each as `PID/task/TID`.
pub(crate) fn threads_of(pid: libc::pid_t) -> Vec<String> {
    let folder = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    folder.map(|entry| format!("{pid}/task/{}", entry.file_name().to_string_lossy())).collect()
}

/// Whether a task sleeps in `read`. The kernel answers only when the task has left its CPU, so that its last
/// switch is over and counted.
pub(crate) fn is_asleep(task: &str) -> bool {
    let line = fs::read_to_string(format!("/proc/{task}/syscall")).unwrap_or_default();
    line.split_whitespace().next() == Some(&libc::SYS_read.to_string())
}

/// Waits until a dead task has left its CPU for the last time: that switch comes after its parent was told.
/// While it is on a CPU or in a queue for one, the kernel says `running`.
pub(crate) fn wait_until_off_cpu(task: &str) {
    wait_for("a dead task leaves its CPU", || {
        fs::read_to_string(format!("/proc/{task}/syscall")).is_ok_and(|line| line.trim() != "running")
    });
}

/// The end of a child.
pub(crate) struct Ended {
    /// Of its leader, the last switch included.
    pub(crate) leader: Counts,
    /// As `wait4` says. Of every thread but the leader it lacks the last switch, because such a thread gives
    /// its numbers to the process just before it.
    pub(crate) usage: libc::rusage,
    pub(crate) status: i32,
}

impl Ended {
    /// CPU time by `wait4`, which rounds to microseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        [self.usage.ru_utime, self.usage.ru_stime]
            .map(|time| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000)
            .iter()
            .sum()
    }
}

/// Waits for a child's end, and takes it away once its numbers are final.
pub(crate) fn end_of(pid: libc::pid_t) -> Ended {
    // SAFETY: zeroes are valid in both structures, and the kernel fills them.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let result = libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, libc::WEXITED | libc::WNOWAIT);
        assert_eq!(result, 0, "cannot wait for {pid}: {}", io::Error::last_os_error());
        let task = pid.to_string();
        wait_until_off_cpu(&task);
        let leader = Counts::of_task(&task).expect("not taken away yet");
        let mut usage: libc::rusage = std::mem::zeroed();
        let mut status = 0;
        assert_eq!(libc::wait4(pid, &mut status, 0, &mut usage), pid);
        Ended { leader, usage, status }
    }
}

/// `read_bytes` and `write_bytes` of a process and all threads it ever had.
pub(crate) fn disk_io(pid: libc::pid_t) -> (u64, u64) {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).expect("it lives");
    let number = |name| -> u64 {
        let value = io.lines().find_map(|line| line.strip_prefix(name)).expect("every process has it");
        value.trim().parse().expect("a number")
    };
    (number("read_bytes:"), number("write_bytes:"))
}
