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
    /// For keys that say who did it: the value that stands for all those whose names are not shown. No real
    /// name can be equal to it.
    pub fold: Option<&'static str>,
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident { otlp: $otlp:literal, prometheus: $prometheus:literal, help: $help:literal, fold: $fold:expr })*) => {
        /// Every key there is.
        pub mod keys {
            use super::Key;
            $($(#[$doc])* pub static $name: Key = Key { otlp: $otlp, prometheus: $prometheus, help: $help, fold: $fold };)*
            /// All keys, in the order of their declaration.
            pub static ALL: &[&Key] = &[$(&$name),*];
        }
    };
}

keys! {
    /// Path of the cgroup below its hierarchy's root. A real one begins with a slash.
    CGROUP { otlp: "process.linux.cgroup", prometheus: "cgroup",
        help: "path of the control group below its hierarchy's root", fold: Some("(all other cgroups)") }
    /// Command name of the process' main thread. A real one has at most 15 bytes.
    COMMAND { otlp: "process.command", prometheus: "command",
        help: "command name of the process' main thread", fold: Some("(all other commands)") }
    /// Process id. A real one is a number.
    PID { otlp: "process.pid", prometheus: "pid",
        help: "process id in the initial pid namespace; only when the config asks for it", fold: Some("(all other processes)") }
    /// The kernel's name of the disk. A real one has no spaces.
    DEVICE { otlp: "system.device", prometheus: "device",
        help: "the kernel's name of the disk", fold: Some("(all other devices)") }
    /// What was asked of the disk.
    OPERATION { otlp: "operation", prometheus: "operation",
        help: "`REQ_OP_*` of the running kernel, in lower case", fold: Some("(all other operations)") }
    /// How it failed.
    ERROR { otlp: "error", prometheus: "error",
        help: "the kernel's own name of the block status; `status_N` when it has none", fold: None }
    /// In what way a task was asleep.
    STATE { otlp: "state", prometheus: "state",
        help: "`interruptible`, `uninterruptible` or `other` (stopped, traced, frozen)", fold: None }
    /// Whether the task could have gone on.
    SWITCH_TYPE { otlp: "type", prometheus: "type",
        help: "`voluntary` or `involuntary`", fold: None }
    /// As semantic conventions have it.
    PROCESS_SWITCH_TYPE { otlp: "process.context_switch.type", prometheus: "process_context_switch_type",
        help: "`voluntary` or `involuntary`", fold: None }
    /// As semantic conventions have it.
    DISK_IO_DIRECTION { otlp: "disk.io.direction", prometheus: "disk_io_direction",
        help: "`read` or `write`", fold: None }
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
