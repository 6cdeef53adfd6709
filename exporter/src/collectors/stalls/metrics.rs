//! The metric of the `stalls` collector.

use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static THREAD_TIME: Metric = Metric {
    name: "kernel.thread.time",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    help: "Time of all threads by what they did or waited for, each at any time in exactly one way: together it is the \
           number of threads times the time that has passed. What still goes on is in it",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::ACTIVITY],
    source: "tracepoint sched:sched_switch, task_struct.in_iowait, reclaim_state and capture_control, saved registers of \
             the system call",
};

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "stalls",
    about: "Why a container is slow: what its threads spent their time with, whether they ran, waited for a CPU, for a \
            disk, for memory, for each other, or had nothing to do. Time in which a cgroup is throttled is in that of the run \
            queue, as the kernel has no hook that tells the two apart.",
    metrics: &[&THREAD_TIME],
};
