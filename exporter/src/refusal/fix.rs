//! What to do, in one line each.

use std::path::Path;

use crate::kernel::{btf, build_config::BuildConfig};

pub(super) const LOCKDOWN: &str = "boot without lockdown=confidentiality";

pub(super) const NO_HOOK: &str = "this collector does not know this kernel: set `enabled: false`, and report it with the \
     message and the kernel's version";

pub(super) const REFUSED: &str = "please report this with the message and the kernel's version";

/// The signatures of functions change within a series: `tcp_v4_syn_recv_sock` has seven in 6.1.192.
pub(super) const NO_TRAMPOLINE: &str = "use a newer kernel: before Linux 6.6 no program can be attached to a function with more than six arguments";

pub(super) const UNREADABLE_BTF: &str =
    "let the exporter's user read /sys/kernel/btf/vmlinux, which is world-readable by default";

/// Without type information nothing can be attached, because no offset is compiled in.
pub(super) fn no_btf() -> &'static str {
    if Path::new(btf::VMLINUX).exists() {
        return REFUSED;
    }
    match BuildConfig::of_running_kernel().map(|config| config.has("CONFIG_DEBUG_INFO_BTF")) {
        Some(true) => {
            "mount the host's /sys: this kernel has BTF (CONFIG_DEBUG_INFO_BTF=y), but its file is not to be seen here"
        }
        Some(false) => {
            "use a kernel that is built with CONFIG_DEBUG_INFO_BTF=y; this one is not, and there is no way without BTF"
        }
        None => {
            "use a kernel that is built with CONFIG_DEBUG_INFO_BTF=y, and mount the host's /sys; there is no way without BTF"
        }
    }
}
