//! The one table of label names, for both conventions.

/// A label's name under both conventions.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// In OTLP: semantic conventions where they have it.
    pub otlp: &'static str,
    /// In Prometheus: what cAdvisor and kube-state-metrics say for who did it, else the OTLP name with
    /// underscores.
    pub prometheus: &'static str,
    /// What it tells, for the reference.
    pub help: &'static str,
    /// What becomes of it when who did it is not shown.
    pub fold: Fold,
}

/// What becomes of a label in the label set that stands for all those whose names are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fold {
    /// It says what was done, not who did it: it stays.
    Stays,
    /// It says who did it, and has this value then. No real name can be equal to it.
    As(&'static str),
    /// It is one of several ways to say whose cgroup it was: all of them become [`keys::CGROUP`] as it folds.
    Cgroup,
    /// It only says more about others.
    Goes,
}

impl Fold {
    /// The label's value where not even what was done is known. Of labels that say who did it, it is the fold's.
    pub const fn stand_in(self) -> &'static str {
        match self {
            Self::As(all_others) => all_others,
            Self::Stays | Self::Goes => "(all others)",
            Self::Cgroup => OTHER_CGROUPS,
        }
    }
}

/// What a folded [`keys::CGROUP`] says. A real one begins with a slash.
pub const OTHER_CGROUPS: &str = "(all other cgroups)";

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident { otlp: $otlp:literal, prometheus: $prometheus:literal, help: $help:literal, fold: $fold:expr })*) => {
        /// Every key there is.
        pub mod keys {
            use super::{Fold, Key, OTHER_CGROUPS};
            $($(#[$doc])* pub static $name: Key = Key { otlp: $otlp, prometheus: $prometheus, help: $help, fold: $fold };)*
            /// All keys, in the order of their declaration.
            pub static ALL: &[&Key] = &[$(&$name),*];
        }
    };
}

keys! {
    /// Path of the cgroup below its hierarchy's root. A real one begins with a slash.
    CGROUP { otlp: "process.linux.cgroup", prometheus: "cgroup",
        help: "path of the control group below its hierarchy's root", fold: Fold::As(OTHER_CGROUPS) }
    /// As kube-state-metrics and cAdvisor have it.
    NAMESPACE { otlp: "k8s.namespace.name", prometheus: "namespace",
        help: "the pod's namespace", fold: Fold::Cgroup }
    /// As kube-state-metrics and cAdvisor have it.
    POD { otlp: "k8s.pod.name", prometheus: "pod",
        help: "the pod's name", fold: Fold::Cgroup }
    /// As kube-state-metrics has it.
    POD_UID { otlp: "k8s.pod.uid", prometheus: "uid",
        help: "the pod's unique id; for a static pod the API's, not the one in the cgroup's path", fold: Fold::Cgroup }
    /// As kube-state-metrics and cAdvisor have it.
    CONTAINER { otlp: "k8s.container.name", prometheus: "container",
        help: "the container's name in its pod; `POD` for the pod's sandbox", fold: Fold::Cgroup }
    /// As the recording rules of the Kubernetes mixin have it.
    WORKLOAD { otlp: "k8s.workload.name", prometheus: "workload",
        help: "name of what the pod belongs to", fold: Fold::Cgroup }
    /// As the recording rules of the Kubernetes mixin have it.
    WORKLOAD_TYPE { otlp: "k8s.workload.kind", prometheus: "workload_type",
        help: "what the pod belongs to: `deployment`, `statefulset`, `daemonset`, `cronjob`, `job`, `staticpod`, `pod` or another kind in lower case", fold: Fold::Cgroup }
    /// A container that no pod is known of.
    CONTAINER_ID { otlp: "container.id", prometheus: "container_id",
        help: "the runtime's id of a container that is not known by name", fold: Fold::Cgroup }
    /// Of such a container.
    CONTAINER_RUNTIME { otlp: "container.runtime.name", prometheus: "container_runtime",
        help: "`containerd`, `cri-o`, `docker`, `podman`, `lxc` or `systemd-nspawn`, with `container_id`", fold: Fold::Cgroup }
    /// Whose owner may have made up all other labels.
    OUTER_CONTAINER_ID { otlp: "container.outer.id", prometheus: "outer_container_id",
        help: "the outermost container, when this is in another one: a node of kind, Docker in Docker", fold: Fold::Cgroup }
    /// What else runs under systemd.
    UNIT { otlp: "systemd.unit", prometheus: "unit",
        help: "systemd's unit or slice of what is in no container; `-.slice` is the root, with all kernel threads", fold: Fold::Cgroup }
    /// Command name of the process' main thread. A real one has at most 15 bytes.
    COMMAND { otlp: "process.command", prometheus: "command",
        help: "command name of the process' main thread", fold: Fold::As("(all other commands)") }
    /// Name of the executed file. A real one has no slash.
    EXECUTABLE { otlp: "process.executable.name", prometheus: "executable",
        help: "name of the file that the process executes, without its folder; with `processes_by: executable`", fold: Fold::As("(all other executables/)") }
    /// Process id. A real one is a number.
    PID { otlp: "process.pid", prometheus: "pid",
        help: "process id in the initial pid namespace; with `processes_by: pid`", fold: Fold::As("(all other processes)") }
    /// The kernel's name of the disk. A real one has no spaces.
    DEVICE { otlp: "system.device", prometheus: "device",
        help: "the kernel's name of the disk", fold: Fold::As("(all other devices)") }
    /// What was asked of the disk.
    OPERATION { otlp: "operation", prometheus: "operation",
        help: "`REQ_OP_*` of the running kernel, in lower case", fold: Fold::As("(all other operations)") }
    /// How it failed.
    ERROR { otlp: "error", prometheus: "error",
        help: "the kernel's own name of the block status; `status_N` when it has none", fold: Fold::Stays }
    /// In what way a task was asleep.
    STATE { otlp: "state", prometheus: "state",
        help: "`interruptible`, `uninterruptible` or `other` (stopped, traced, frozen)", fold: Fold::Stays }
    /// Whether the task could have gone on.
    SWITCH_TYPE { otlp: "type", prometheus: "type",
        help: "`voluntary` or `involuntary`", fold: Fold::Stays }
    /// As semantic conventions have it.
    PROCESS_SWITCH_TYPE { otlp: "process.context_switch.type", prometheus: "process_context_switch_type",
        help: "`voluntary` or `involuntary`", fold: Fold::Stays }
    /// As semantic conventions have it.
    DISK_IO_DIRECTION { otlp: "disk.io.direction", prometheus: "disk_io_direction",
        help: "`read` or `write`", fold: Fold::Stays }
    /// What a thread does or waits for.
    ACTIVITY { otlp: "activity", prometheus: "activity",
        help: "`running`, `run_queue`; asleep: `block_io`, `reclaim`, `compaction`, `uninterruptible` (otherwise in the kernel), `futex`, `poll`, `timer`, `child` (wait), `socket`, `file` (read, write), `other`; `idle` is a kernel thread without work", fold: Fold::Stays }
    /// Who asked for a hard interrupt.
    INTERRUPT { otlp: "interrupt", prometheus: "interrupt",
        help: "who has asked for the interrupt, as /proc/interrupts names it; several names for a line that is shared", fold: Fold::Stays }
    /// Vector of a soft interrupt.
    SOFTIRQ { otlp: "softirq", prometheus: "softirq",
        help: "the vector's name in /proc/softirqs, in lower case", fold: Fold::Stays }
    /// As semantic conventions have it (`cpu.logical_number`), by the name that node_exporter uses.
    CPU { otlp: "cpu.logical_number", prometheus: "cpu",
        help: "number of the CPU", fold: Fold::Stays }
    /// Which kind of interrupts.
    INTERRUPT_TYPE { otlp: "interrupt.type", prometheus: "interrupt_type",
        help: "`hard` or `soft`", fold: Fold::Stays }
    /// In what way a process ended.
    EXIT_CLASS { otlp: "process.exit.class", prometheus: "exit_class",
        help: "by its status, `success`: 0; `not_executable`: 126; `not_found`: 127; `child_killed`: 129 to 192, by which shells say that a signal killed a child; `failure`: any other; and `killed` by a signal", fold: Fold::Stays }
    /// What killed a process.
    SIGNAL { otlp: "signal", prometheus: "signal",
        help: "the signal's name as `kill -l` has it; `SIGRTMIN` is 34 as for glibc, `signal_N` one that has no name", fold: Fold::Stays }
    /// As semantic conventions have it.
    ERROR_TYPE { otlp: "error.type", prometheus: "error_type",
        help: "the error's name in errno.h, `errno_N` when it has none; of a system call, a class of errors", fold: Fold::Stays }
    /// Why a packet was dropped.
    DROP_REASON { otlp: "network.drop.reason", prometheus: "drop_reason",
        help: "`SKB_DROP_REASON_*` of the running kernel, in lower case; `subsys_…` for all reasons of a subsystem", fold: Fold::Stays }
    /// As semantic conventions have it. A real one has no spaces.
    NETWORK_INTERFACE { otlp: "network.interface.name", prometheus: "network_interface_name",
        help: "the network device's name", fold: Fold::As("(all other devices)") }
    /// As semantic conventions have it.
    NETWORK_DIRECTION { otlp: "network.io.direction", prometheus: "network_io_direction",
        help: "`receive` or `transmit`", fold: Fold::Stays }
    /// In what way a task made room in memory.
    MEMORY_STALL_TYPE { otlp: "memory.stall.type", prometheus: "memory_stall_type",
        help: "`direct_reclaim` (memory is short), `memcg_reclaim` (a cgroup is at its limit or above memory.high), `node_reclaim` (the nearest memory node is full, with `vm.zone_reclaim_mode`) or `compaction` (free memory is not in one piece)", fold: Fold::Stays }
    /// Why a task was slowed down.
    MEMORY_THROTTLE_REASON { otlp: "memory.throttle.reason", prometheus: "memory_throttle_reason",
        help: "`VMSCAN_THROTTLE_*` of the running kernel in lower case (`writeback`, `isolated`, `noprogress`, `congested`), or `memory_high`", fold: Fold::Stays }
    /// Who ran out of memory.
    OOM_SCOPE { otlp: "oom.scope", prometheus: "oom_scope",
        help: "`limit` (a cgroup was at its limit), `global` (the machine ran out of memory) or `unknown`", fold: Fold::Stays }
    /// From where a page was read.
    MAJOR_FAULT_SOURCE { otlp: "memory.major_fault.source", prometheus: "memory_major_fault_source",
        help: "`file` or `swap`", fold: Fold::Stays }
    /// As semantic conventions have it.
    PAGING_FAULT_TYPE { otlp: "system.paging.fault.type", prometheus: "system_paging_fault_type",
        help: "`major` or `minor`", fold: Fold::Stays }
    /// As semantic conventions have it.
    PAGING_DIRECTION { otlp: "system.paging.direction", prometheus: "system_paging_direction",
        help: "`in` or `out`", fold: Fold::Stays }
    /// As semantic conventions have it.
    CONNECTION_STATE { otlp: "network.connection.state", prometheus: "network_connection_state",
        help: "`established`, `syn_sent`, `syn_received`, `fin_wait_1`, `fin_wait_2`, `close_wait`, `last_ack`, `closing` or `closed`", fold: Fold::Stays }
    /// How a connect went.
    CONNECT_OUTCOME { otlp: "outcome", prometheus: "outcome",
        help: "`established`; by the socket's error `refused`, `timed_out`, `host_unreachable`, `network_unreachable`, `reset`, `aborted` (by an administrator) or `other`; `closed`: the program gave up; `not_sent`: there was no free port, or nothing could be sent", fold: Fold::Stays }
    /// Where the other end is.
    PEER_SCOPE { otlp: "scope", prometheus: "scope",
        help: "`loopback` when the other end is 127.0.0.0/8 or has this end's own address, else `network`", fold: Fold::Stays }
    /// Who has opened a connection.
    OPEN_TYPE { otlp: "open.type", prometheus: "open_type",
        help: "`active`: this end began; `passive`: it was accepted", fold: Fold::Stays }
    /// Part of TCP's handshake.
    HANDSHAKE_SEGMENT { otlp: "segment", prometheus: "segment",
        help: "`syn`, the first one of a connection, or `ack`, the last one of its handshake", fold: Fold::Stays }
    /// Which system call.
    SYSCALL { otlp: "syscall", prometheus: "syscall",
        help: "name of the system call; `compat` for all of another architecture's, such as those of 32-bit programs, `unknown` for numbers without a name here", fold: Fold::Stays }
    /// What was asked of a file system.
    FILESYSTEM_OPERATION { otlp: "filesystem.operation", prometheus: "filesystem_operation",
        help: "`read`, `write`, `open`, `fsync`, `readdir` or `unlink`", fold: Fold::Stays }
    /// As semantic conventions have it.
    FILESYSTEM_TYPE { otlp: "system.filesystem.type", prometheus: "system_filesystem_type",
        help: "the name of the file system's type in /proc/filesystems; `(all others)` for types that have come since the last read", fold: Fold::Stays }
    /// As semantic conventions have it. A real one begins with a slash.
    MOUNTPOINT { otlp: "system.filesystem.mountpoint", prometheus: "system_filesystem_mountpoint",
        help: "where the host has the file system; with `mounts: true`", fold: Fold::As("(all other mounts)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_names_are_label_names_and_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for key in keys::ALL {
            assert!(
                key.prometheus.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                key.prometheus
            );
            assert!(seen.insert(key.prometheus), "{} twice", key.prometheus);
        }
    }
}
