//! What is behind the kernel's "not permitted". It has one error for all of it, so what this thread holds and
//! what surrounds it is looked at.

use std::fs;

use super::{Reason, fix, is_locked_down};
use crate::{
    kernel::{bpf, host},
    privileges::{self, NEEDED},
};

/// Whether a capability that is always needed is not held.
pub(super) fn lacks_any() -> bool {
    !privileges::effective().contains(NEEDED)
}

/// Why it is not permitted, and what to do.
pub(super) fn diagnosis() -> (Reason, String) {
    let missing = privileges::names(NEEDED - privileges::effective());
    if !missing.is_empty() {
        return (
            Reason::MissingCapability,
            format!(
                "run as root or grant {0} (systemd: AmbientCapabilities=; containers: capabilities.add, as uid 0)",
                missing.join(" and ")
            ),
        );
    }
    if bpf::is_forbidden() && is_filtered() {
        return (Reason::Seccomp, SECCOMP.to_owned());
    }
    if is_locked_down() {
        return (Reason::Lockdown, fix::LOCKDOWN.to_owned());
    }
    if counts_maps_as_locked(&host::release()) && host::memlock_limit().is_some() {
        return (
            Reason::LockedMemory,
            "before Linux 5.11 maps count as locked memory: grant CAP_SYS_RESOURCE, or set LimitMEMLOCK=infinity"
                .to_owned(),
        );
    }
    if host::is_in_user_namespace() {
        let fix = "run it in the host's user namespace: capabilities of another one do not count for BPF";
        return (Reason::Permission, fix.to_owned());
    }
    let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let modules = if modules.is_empty() { "which ones are active cannot be read" } else { modules.trim() };
    (
        Reason::Permission,
        format!("let the kernel's security modules allow bpf ({modules}); their log says more"),
    )
}

/// bpf(2) is not there.
pub(super) fn without_bpf() -> (Reason, String) {
    if is_filtered() {
        (Reason::Seccomp, SECCOMP.to_owned())
    } else {
        (Reason::KernelConfig, "use a kernel that is built with CONFIG_BPF_SYSCALL=y".to_owned())
    }
}

const SECCOMP: &str = "let the system call `bpf` through the seccomp filter (systemd: SystemCallFilter=; containers: \
     the runtime's profile)";

fn is_filtered() -> bool {
    host::status_of_this_thread("Seccomp").is_some_and(|mode| mode != "0")
}

/// By the version, for nothing else tells it; only advice depends on it.
fn counts_maps_as_locked(release: &str) -> bool {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) < (Some(5), Some(11))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_memory_was_counted_before_5_11() {
        assert!(counts_maps_as_locked("5.10.0-46-cloud-amd64"));
        assert!(!counts_maps_as_locked("5.11.0") && !counts_maps_as_locked("6.1.0-37-amd64"));
    }
}
