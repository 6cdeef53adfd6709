//! Where programs hang that the sockets of all cgroups call.

use std::{fs::File, os::unix::fs::MetadataExt as _};

use anyhow::{Context as _, Result};

use crate::{
    kernel::host,
    privileges::{self, FOR_SOCKETS},
    refusal::{Reason, Refusal},
};

/// The root of cgroup v2, whichever hierarchy cgroups are told apart by: sockets know no other.
///
/// # Errors
///
/// When it is not to be seen from here, or programs may not be attached to it.
pub(super) fn root() -> Result<File> {
    let missing = privileges::names(FOR_SOCKETS - privileges::effective());
    if !missing.is_empty() {
        return Err(Refusal {
            reason: Reason::MissingCapability,
            message: format!("{} is not held", missing.join(" and ")),
            fix: format!(
                "grant {}, and start the exporter again: it keeps what its config needs",
                missing.join(" and ")
            ),
        }
        .into());
    }
    let unseen = |message| {
        Refusal {
        reason: Reason::NoHook,
        message,
        fix: "mount the whole of cgroup v2: the host's /sys/fs/cgroup, or `mount -t cgroup2 none /sys/fs/cgroup/unified`"
            .to_owned(),
    }
    };
    let mount = host::cgroup_v2()?.ok_or_else(|| unseen("cgroup v2 is not mounted here".to_owned()))?;
    let root = File::open(&mount).with_context(|| format!("cannot open {}", mount.display()))?;
    if root.metadata()?.ino() != host::CGROUP_ROOT {
        return Err(unseen(format!("{} is not the root of cgroup v2", mount.display())).into());
    }
    Ok(root)
}
