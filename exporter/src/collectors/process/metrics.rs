//! Metrics of the `process` collector; names by OpenTelemetry's semantic conventions where they have them.

use crate::{
    catalogue::{Key, Kind, Metric, Unit, keys},
    collectors::Description,
};

const WHO: &[&Key] = &[&keys::CGROUP, &keys::COMMAND, &keys::EXECUTABLE, &keys::PID];

/// See its help.
pub static CPU_TIME: Metric = Metric {
    name: "process.cpu.time",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    help: "Time that the threads of a process spent on a CPU",
    identity: WHO,
    attributes: &[],
    source: "task_struct.se.sum_exec_runtime (kernel/sched/fair.c)",
};

/// See its help.
pub static RUN_QUEUE_TIME: Metric = Metric {
    name: "kernel.process.run_queue.time",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    help: "Time that the threads of a process could have run but waited for a CPU",
    identity: WHO,
    attributes: &[],
    source: "task_struct.sched_info.run_delay (kernel/sched/stats.h)",
};

/// See its help.
pub static CONTEXT_SWITCHES: Metric = Metric {
    name: "process.context_switches",
    kind: Kind::Counter,
    unit: Unit::Things("context_switch"),
    help: "Switches away from the threads of a process, the last one of each thread included",
    identity: WHO,
    attributes: &[&keys::PROCESS_SWITCH_TYPE],
    source: "task_struct.nvcsw and .nivcsw (kernel/sched/core.c)",
};

/// See its help.
pub static DISK_IO: Metric = Metric {
    name: "process.disk.io",
    kind: Kind::Counter,
    unit: Unit::Bytes,
    help: "Bytes that a process caused to be fetched from storage, or to be sent there when it dirtied memory",
    identity: WHO,
    attributes: &[&keys::DISK_IO_DIRECTION],
    source: "task_struct.ioac.read_bytes and .write_bytes (include/linux/task_io_accounting_ops.h)",
};

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "process",
    about: "What every process used, the ones that live only for milliseconds included. By default processes of \
            one command in one container or unit share a series. Counted from the exporter's start on.",
    metrics: &[&CPU_TIME, &RUN_QUEUE_TIME, &CONTEXT_SWITCHES, &DISK_IO],
};

#[cfg(test)]
mod tests {
    use opentelemetry_semantic_conventions::{attribute, metric};

    use super::*;

    #[test]
    fn names_are_those_of_the_semantic_conventions() {
        assert_eq!(CPU_TIME.name, metric::PROCESS_CPU_TIME);
        assert_eq!(CONTEXT_SWITCHES.name, metric::PROCESS_CONTEXT_SWITCHES);
        assert_eq!(DISK_IO.name, metric::PROCESS_DISK_IO);
        assert_eq!(keys::PROCESS_SWITCH_TYPE.otlp, attribute::PROCESS_CONTEXT_SWITCH_TYPE);
        assert_eq!(keys::DISK_IO_DIRECTION.otlp, attribute::DISK_IO_DIRECTION);
        assert_eq!(keys::PID.otlp, attribute::PROCESS_PID);
        assert_eq!(keys::COMMAND.otlp, attribute::PROCESS_COMMAND);
        assert_eq!(keys::EXECUTABLE.otlp, attribute::PROCESS_EXECUTABLE_NAME);
        assert_eq!(keys::NAMESPACE.otlp, attribute::K8S_NAMESPACE_NAME);
        assert_eq!(keys::POD.otlp, attribute::K8S_POD_NAME);
        assert_eq!(keys::POD_UID.otlp, attribute::K8S_POD_UID);
        assert_eq!(keys::CONTAINER.otlp, attribute::K8S_CONTAINER_NAME);
        assert_eq!(keys::CONTAINER_ID.otlp, attribute::CONTAINER_ID);
        assert_eq!(keys::CONTAINER_RUNTIME.otlp, attribute::CONTAINER_RUNTIME_NAME);
        assert_eq!(keys::CGROUP.otlp, attribute::PROCESS_LINUX_CGROUP);
    }
}
