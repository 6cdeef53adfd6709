//! Metrics of the `scheduler` collector.

use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static RUN_QUEUE_LATENCY: Metric = Metric {
    name: "kernel.scheduler.run_queue.latency",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time from runnable to running, per slice; throttled time counts as waiting",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_switch, task_struct.sched_info.run_delay (kernel/sched/stats.h)",
};

/// See its help.
pub static ON_CPU_DURATION: Metric = Metric {
    name: "kernel.scheduler.on_cpu.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Length of finished slices on a CPU; a slice that still lasts is not in it",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_switch, rq.clock (kernel/sched/core.c)",
};

/// See its help.
pub static OFF_CPU_DURATION: Metric = Metric {
    name: "kernel.scheduler.off_cpu.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time from leaving a CPU to the wakeup, without the wait for a CPU after it; idling kernel threads are left out",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::STATE],
    source: "tracepoint sched:sched_switch, task_struct.__state (include/linux/sched.h)",
};

/// See its help.
pub static CONTEXT_SWITCHES: Metric = Metric {
    name: "kernel.scheduler.context_switches",
    kind: Kind::Counter,
    unit: Unit::Things("context_switch"),
    help: "Switches away from a task: voluntary ones to wait for something, involuntary ones when it could have gone on",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::SWITCH_TYPE],
    source: "tracepoint sched:sched_switch",
};

/// See its help.
pub static MIGRATIONS: Metric = Metric {
    name: "kernel.scheduler.migrations",
    kind: Kind::Counter,
    unit: Unit::Things("migration"),
    help: "Moves of a task to another CPU",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint sched:sched_migrate_task",
};

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "scheduler",
    about: "How long the tasks of every cgroup waited for a CPU, ran, and slept. A slice is counted when it ends, \
            for the cgroup in which the task is then. The idle task is never counted.",
    metrics: &[&RUN_QUEUE_LATENCY, &ON_CPU_DURATION, &OFF_CPU_DURATION, &CONTEXT_SWITCHES, &MIGRATIONS],
};
