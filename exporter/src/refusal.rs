//! Why a collector can't run, from a closed list, with what to do about it.

use std::{fmt, fs, io};

use crate::kernel::btf::BtfError;

/// The closed list of reasons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The config says so.
    Disabled,
    /// The kernel has no type information.
    NoBtf,
    /// A field, an enum value or a tracepoint is missing in this kernel.
    NoHook,
    /// Kernel lockdown forbids programs to read the kernel's memory.
    Lockdown,
    /// A capability is missing.
    Permission,
    /// Something the kernel keeps only when asked to.
    KernelConfig,
    /// The kernel's verifier, or another check, says no.
    KernelRefused,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Disabled,
        Self::NoBtf,
        Self::NoHook,
        Self::Lockdown,
        Self::Permission,
        Self::KernelConfig,
        Self::KernelRefused,
    ];

    /// The value of the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::NoBtf => "no_btf",
            Self::NoHook => "no_hook",
            Self::Lockdown => "lockdown",
            Self::Permission => "permission",
            Self::KernelConfig => "kernel_config",
            Self::KernelRefused => "kernel_refused",
        }
    }

    /// What to do about it.
    const fn advice(self) -> &'static str {
        match self {
            Self::Disabled => "set `enabled: true` in the config",
            Self::NoBtf => "use a kernel with CONFIG_DEBUG_INFO_BTF=y, and mount /sys of the host",
            Self::NoHook => "this kernel is not supported by this collector",
            Self::Lockdown => "boot without lockdown=confidentiality",
            Self::Permission => {
                "run as root, or with CAP_BPF and CAP_PERFMON; before Linux 5.11 also with CAP_SYS_RESOURCE or unlimited locked memory"
            }
            Self::KernelConfig => "see the message",
            Self::KernelRefused => "please report this with the message and the kernel's version",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A reason with its details.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Which of the list.
    pub reason: Reason,
    /// What happened, in one line.
    pub message: String,
}

/// The kernel keeps no scheduling delays, or something else that it only keeps when asked to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotKept(pub String);

impl Refusal {
    /// The config says so.
    pub fn disabled() -> Self {
        Self { reason: Reason::Disabled, message: "off by config".to_owned() }
    }

    /// From what went wrong.
    pub fn of(error: &anyhow::Error) -> Self {
        Self { reason: reason(error), message: format!("{error:#}").replace('\n', " ") }
    }
}

fn reason(error: &anyhow::Error) -> Reason {
    for cause in error.chain() {
        match cause.downcast_ref() {
            Some(BtfError::Unreadable { .. } | BtfError::Malformed(_)) => return Reason::NoBtf,
            Some(BtfError::NoField { .. } | BtfError::NoValue(_)) => return Reason::NoHook,
            None => {}
        }
        if cause.is::<NotKept>() {
            return Reason::KernelConfig;
        }
        if let Some(error) = cause.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::PermissionDenied
        {
            return if is_locked_down() { Reason::Lockdown } else { Reason::Permission };
        }
    }
    if is_locked_down() { Reason::Lockdown } else { Reason::KernelRefused }
}

/// Under `confidentiality` the kernel refuses helpers that read its memory, and calls them unknown.
fn is_locked_down() -> bool {
    fs::read_to_string("/sys/kernel/security/lockdown").is_ok_and(|modes| modes.contains("[confidentiality]"))
        || fs::read_to_string("/proc/cmdline").is_ok_and(|line| line.contains("lockdown=confidentiality"))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.reason.advice())
    }
}
