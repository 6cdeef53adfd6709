//! Why a collector can't run, from a closed list, with what to do about it.

mod fix;
mod permission;

use std::{fmt, fs, io};

use crate::kernel::btf::BtfError;

/// The closed list of reasons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The config says so.
    Disabled,
    /// It has cost more than the config allows.
    OverBudget,
    /// The kernel has no type information.
    NoBtf,
    /// A field, an enum value or a tracepoint is missing in this kernel.
    NoHook,
    /// Kernel lockdown forbids programs to read the kernel's memory.
    Lockdown,
    /// `CAP_BPF` or `CAP_PERFMON` is not held.
    MissingCapability,
    /// A seccomp filter does not let bpf(2) through.
    Seccomp,
    /// The limit on locked memory is too low for maps (Linux before 5.11).
    LockedMemory,
    /// Not permitted for another reason: a user namespace, or a security module.
    Permission,
    /// Something the kernel keeps only when asked to, or was built without.
    KernelConfig,
    /// The kernel's verifier, or another check, says no.
    KernelRefused,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Disabled,
        Self::OverBudget,
        Self::NoBtf,
        Self::NoHook,
        Self::Lockdown,
        Self::MissingCapability,
        Self::Seccomp,
        Self::LockedMemory,
        Self::Permission,
        Self::KernelConfig,
        Self::KernelRefused,
    ];

    /// The value of the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::OverBudget => "over_budget",
            Self::NoBtf => "no_btf",
            Self::NoHook => "no_hook",
            Self::Lockdown => "lockdown",
            Self::MissingCapability => "missing_capability",
            Self::Seccomp => "seccomp",
            Self::LockedMemory => "locked_memory",
            Self::Permission => "permission",
            Self::KernelConfig => "kernel_config",
            Self::KernelRefused => "kernel_refused",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A reason with its details.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}; {fix}")]
pub struct Refusal {
    /// Which of the list.
    pub reason: Reason,
    /// What happened, in one line.
    pub message: String,
    /// What to do about it, in one line.
    pub fix: String,
}

/// The kernel keeps no scheduling delays, or something else that it only keeps when asked to.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct NotKept {
    /// What is not kept, and how that is known.
    pub what: String,
    /// How to ask for it.
    pub fix: &'static str,
}

impl Refusal {
    /// The config says so.
    pub fn disabled() -> Self {
        Self {
            reason: Reason::Disabled,
            message: "off by config".to_owned(),
            fix: "set `enabled: true` in the config".to_owned(),
        }
    }

    /// It has cost too much.
    pub fn over_budget() -> Self {
        Self {
            reason: Reason::OverBudget,
            message: "off for its cost".to_owned(),
            fix: "raise `budget.cpu` in the config, or wait until there is less to measure".to_owned(),
        }
    }

    /// From what went wrong just now: to tell what is missing, it looks at what this thread holds.
    pub fn of(error: &anyhow::Error) -> Self {
        if let Some(known) = error.chain().find_map(|cause| cause.downcast_ref::<Self>()) {
            return known.clone();
        }
        let (reason, fix) = diagnosis(error);
        Self { reason, message: format!("{error:#}").replace('\n', " "), fix }
    }
}

/// What the kernel says where it cannot attach a program to a function (include/linux/errno.h; not for user space, they say).
const ENOTSUPP: i32 = 524;

fn diagnosis(error: &anyhow::Error) -> (Reason, String) {
    for cause in error.chain() {
        match cause.downcast_ref() {
            Some(BtfError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
                return (Reason::NoBtf, fix::UNREADABLE_BTF.to_owned());
            }
            Some(BtfError::Unreadable { .. } | BtfError::Malformed(_) | BtfError::Unloadable(_)) => {
                return (Reason::NoBtf, fix::no_btf().to_owned());
            }
            Some(BtfError::NoField { .. } | BtfError::NoValue(_)) => {
                return (Reason::NoHook, fix::NO_HOOK.to_owned());
            }
            None => {}
        }
        if let Some(not_kept) = cause.downcast_ref::<NotKept>() {
            return (Reason::KernelConfig, not_kept.fix.to_owned());
        }
        match cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            Some(libc::EPERM) => return permission::diagnosis(),
            Some(libc::ENOSYS) => return permission::without_bpf(),
            Some(ENOTSUPP) => return (Reason::NoHook, fix::NO_TRAMPOLINE.to_owned()),
            _ => {}
        }
    }
    // The kernel does not always say that it is this: without CAP_PERFMON, 7.2 finds programs invalid.
    if permission::lacks_any() {
        permission::diagnosis()
    } else if is_locked_down() {
        (Reason::Lockdown, fix::LOCKDOWN.to_owned())
    } else {
        (Reason::KernelRefused, fix::REFUSED.to_owned())
    }
}

/// Under `confidentiality` the kernel refuses helpers that read its memory, and calls them unknown.
fn is_locked_down() -> bool {
    fs::read_to_string("/sys/kernel/security/lockdown").is_ok_and(|modes| modes.contains("[confidentiality]"))
        || fs::read_to_string("/proc/cmdline").is_ok_and(|line| line.contains("lockdown=confidentiality"))
}
