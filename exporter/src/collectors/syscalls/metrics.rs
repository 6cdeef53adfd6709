//! Metrics of the `syscalls` collector.

use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static CALLS: Metric = Metric {
    name: "kernel.syscall.calls",
    kind: Kind::Counter,
    unit: Unit::Things("call"),
    help: "System calls that are counted when they begin: all of them with `detail: counters`, else those that do not \
           return (`exit`, `exit_group`, `rt_sigreturn`), for the histograms count the others. What seccomp or a tracer turns \
           down does not begin",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::SYSCALL],
    source: "tracepoint raw_syscalls:sys_enter (kernel/entry)",
};

/// See its help.
pub static DURATION: Metric = Metric {
    name: "kernel.syscall.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time that system calls took, also those that failed, without those that are made in order to wait, which \
           have a metric of their own. `read`, `write` and others wait for some files and not for others: they are here",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::SYSCALL],
    source: SOURCE,
};

/// See its help.
pub static WAIT: Metric = Metric {
    name: "kernel.syscall.wait.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time that system calls took which are made in order to wait: for events (`epoll_wait`, `poll`), time \
           (`nanosleep`), other tasks (`futex`, `wait4`), or what others send (`accept`, `recvfrom`)",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::SYSCALL],
    source: SOURCE,
};

/// See its help.
pub static ERRORS: Metric = Metric {
    name: "kernel.syscall.errors",
    kind: Kind::Counter,
    unit: Unit::Things("call"),
    help: "System calls that failed, also those that seccomp turned down: `again` (EAGAIN, EINPROGRESS), \
           `interrupted`, `not_found`, `exists`, `permission`, `invalid`, `unsupported`, `no_memory`, `no_space`, \
           `limit`, `connection`, `io`, `timeout` or `other`. Not with `detail: counters`",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::SYSCALL, &keys::ERROR_TYPE],
    source: "tracepoint raw_syscalls:sys_exit",
};

const SOURCE: &str = "tracepoints raw_syscalls:sys_enter, raw_syscalls:sys_exit (kernel/entry)";

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "syscalls",
    about: "How often system calls are made, how long they take and how they fail. What io_uring does on behalf of a task \
            is no system call. A call that begins before the collector and ends after it is not measured.",
    metrics: &[&CALLS, &DURATION, &WAIT, &ERRORS],
};
