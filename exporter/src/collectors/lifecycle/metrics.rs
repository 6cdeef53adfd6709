//! Metrics of the `lifecycle` collector.

use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static PROCESS_CREATED: Metric = Metric {
    name: "system.process.created",
    kind: Kind::Counter,
    unit: Unit::Things("process"),
    help: "Processes that were made, by the cgroup in which they began; kernel threads are among them",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_process_fork (kernel/fork.c)",
};

/// See its help.
pub static THREAD_CREATED: Metric = Metric {
    name: "kernel.thread.created",
    kind: Kind::Counter,
    unit: Unit::Things("thread"),
    help: "Threads that were made beside the first of a process, without those that the kernel makes for a process \
           (io_uring, vhost)",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_process_fork (kernel/fork.c)",
};

/// See its help.
pub static THREAD_EXITS: Metric = Metric {
    name: "kernel.thread.exits",
    kind: Kind::Counter,
    unit: Unit::Things("thread"),
    help: "Threads that ended, but for the last one of each process",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_process_exit (kernel/exit.c)",
};

/// See its help.
pub static EXECS: Metric = Metric {
    name: "kernel.process.execs",
    kind: Kind::Counter,
    unit: Unit::Things("exec"),
    help: "Times that a process went on as another program",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_process_exec (fs/exec.c)",
};

/// See its help.
pub static EXEC_FAILURES: Metric = Metric {
    name: "kernel.process.exec.failures",
    kind: Kind::Counter,
    unit: Unit::Things("exec"),
    help: "Execs that failed, by the error that the program was told; those of 32-bit programs on a 64-bit kernel are not \
           among them",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::ERROR_TYPE],
    source: "returns of the functions of execve(2) and execveat(2) (fs/exec.c)",
};

/// See its help.
pub static EXITS: Metric = Metric {
    name: "kernel.process.exits",
    kind: Kind::Counter,
    unit: Unit::Things("process"),
    help: "Processes that ended, when their last thread did, by what `wait4` says of it",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::EXIT_CLASS],
    source: "tracepoint sched:sched_process_exit (kernel/exit.c)",
};

/// See its help.
pub static FATAL_SIGNALS: Metric = Metric {
    name: "kernel.process.fatal_signals",
    kind: Kind::Counter,
    unit: Unit::Things("process"),
    help: "Processes that a signal killed",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::SIGNAL],
    source: "tracepoint sched:sched_process_exit (kernel/exit.c)",
};

/// See its help.
pub static EXEC_DELAY: Metric = Metric {
    name: "kernel.process.exec.delay",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time from the making of a process to its first exec; not of those that are made as siblings of one that has \
           executed a file itself (CLONE_PARENT, as runc does)",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_process_exec, `start_time` of the task",
};

/// See its help.
pub static LIFETIME: Metric = Metric {
    name: "kernel.process.lifetime",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time from the making of a process to the end of its last thread",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_process_exit, `start_time` of the first thread",
};

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "lifecycle",
    about: "Beginnings and ends of processes and threads: forks, execs and those that failed, exits and what they ended \
            with, and how long processes lived.",
    metrics: &[
        &PROCESS_CREATED,
        &THREAD_CREATED,
        &THREAD_EXITS,
        &EXECS,
        &EXEC_FAILURES,
        &EXITS,
        &FATAL_SIGNALS,
        &EXEC_DELAY,
        &LIFETIME,
    ],
};

#[cfg(test)]
mod tests {
    use opentelemetry_semantic_conventions::{attribute, metric};

    use super::*;

    #[test]
    fn names_are_those_of_the_semantic_conventions() {
        assert_eq!(PROCESS_CREATED.name, metric::SYSTEM_PROCESS_CREATED);
        assert_eq!(keys::ERROR_TYPE.otlp, attribute::ERROR_TYPE);
    }
}
