//! Facts about this machine and what this process may do, as far as they can be read; nothing here is tried.

use serde::Serialize;

use super::system;
use crate::{
    kernel::host,
    privileges::{self, NEEDED},
};

/// Each `Option` is `None` (`null` in JSON) when the fact cannot be read here, or this kernel does not have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// The kernel's release.
    pub kernel: String,
    /// The machine's architecture, as `uname -m` says it.
    pub architecture: String,
    /// The effective user id.
    pub uid: u32,
    /// Effective capabilities by name.
    pub capabilities: Vec<String>,
    /// Those of `CAP_BPF` and `CAP_PERFMON` that are not effective.
    pub missing_capabilities: Vec<String>,
    /// Whether executing files can give new privileges.
    pub no_new_privs: Option<bool>,
    /// `off`, `strict` or `filter`.
    pub seccomp: Option<String>,
    /// The soft limit on locked memory in bytes, which counts before Linux 5.11; `null` when there is none.
    pub memlock_limit: Option<u64>,
    /// Whether the kernel's type information can be read: without it nothing can be attached.
    pub btf: bool,
    /// Whether the kernel was built with it, where its build options can be read.
    pub built_with_btf: Option<bool>,
    /// Where tracefs is mounted. Nothing needs it.
    pub tracefs: Option<String>,
    /// `none`, `integrity` or `confidentiality`.
    pub lockdown: Option<String>,
    /// The active security modules.
    pub security_modules: Option<Vec<String>>,
    /// `kernel.unprivileged_bpf_disabled`.
    pub unprivileged_bpf_disabled: Option<i64>,
    /// `kernel.perf_event_paranoid`. Nothing needs it.
    pub perf_event_paranoid: Option<i64>,
    /// `net.core.bpf_jit_enable`; 0 makes programs several times slower. Not to be read in network namespaces
    /// other than the host's.
    pub bpf_jit_enable: Option<i64>,
    /// `kernel.bpf_stats_enabled`; 1 makes the kernel time each program.
    pub bpf_stats_enabled: Option<i64>,
    /// `v1`, `v2` or `hybrid`.
    pub cgroups: Option<String>,
    /// Where the hierarchy in which cgroups are told apart is mounted, from its root.
    pub cgroup_mount: Option<String>,
    /// Whether the pid namespace is the host's: others do not show all processes.
    pub host_pid_namespace: Option<bool>,
    /// Whether the user namespace is the host's: in others capabilities do not count for BPF.
    pub host_user_namespace: Option<bool>,
    /// Options of the /proc mount that hide things from this process (`hidepid`, `subset`). The exporter reads only its
    /// own entry and files about the whole machine, which `subset=pid` hides.
    pub proc_hides: Vec<String>,
}

impl Machine {
    /// This one.
    pub(super) fn of_this_host() -> Self {
        let uname = rustix::system::uname();
        let effective = privileges::effective();
        let mounts = system::text("/proc/self/mountinfo").unwrap_or_default();
        Self {
            kernel: host::release(),
            architecture: uname.machine().to_string_lossy().into_owned(),
            uid: rustix::process::geteuid().as_raw(),
            capabilities: privileges::names(effective),
            missing_capabilities: privileges::names(NEEDED - effective),
            no_new_privs: host::status_of_this_thread("NoNewPrivs").map(|value| value == "1"),
            seccomp: host::status_of_this_thread("Seccomp").map(system::seccomp_mode),
            memlock_limit: host::memlock_limit(),
            btf: system::has_btf(),
            built_with_btf: system::is_built_with_btf(),
            tracefs: system::mount_of(&mounts, "tracefs"),
            lockdown: system::lockdown(),
            security_modules: system::text("/sys/kernel/security/lsm")
                .map(|list| list.trim().split(',').map(str::to_owned).collect()),
            unprivileged_bpf_disabled: system::sysctl("kernel/unprivileged_bpf_disabled"),
            perf_event_paranoid: system::sysctl("kernel/perf_event_paranoid"),
            bpf_jit_enable: system::sysctl("net/core/bpf_jit_enable"),
            bpf_stats_enabled: system::sysctl("kernel/bpf_stats_enabled"),
            cgroups: system::cgroup_layout(&mounts),
            cgroup_mount: host::Hierarchy::of_this_host()
                .ok()
                .and_then(|hierarchy| Some(hierarchy.mount?.display().to_string())),
            host_pid_namespace: host::namespace("pid").map(|number| number == system::FIRST_PID_NAMESPACE),
            host_user_namespace: host::namespace("user").map(|_| !host::is_in_user_namespace()),
            proc_hides: system::hidden_by_proc(&mounts),
        }
    }
}
