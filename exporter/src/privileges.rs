//! Least privilege: the exporter gives up what it does not need before it makes its first thread.
//!
//! Capabilities belong to threads, and new threads get those of the thread that makes them. So what is given up
//! before the runtime exists is given up everywhere. `CAP_BPF` and `CAP_PERFMON` stay, for attaching, and afterwards
//! because kernels before 5.19 let nobody else read maps where `kernel.unprivileged_bpf_disabled` is set. Whoever
//! wants to keep nothing says `drop: all`; whether maps can then be read is found out by reading them.

use std::io;

use anyhow::{Context as _, Result};
use rustix::{
    io::Errno,
    thread::{self, CapabilitySet, CapabilitySets},
};
use tracing::info;

use crate::{
    config::{Config, Dropped},
    kernel::host,
};

/// The capabilities that everything that is on by default needs: one for maps and programs, one for programs that
/// look at the kernel's memory.
pub const NEEDED: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::PERFMON);

/// The capability that a program takes which sockets call.
pub const FOR_SOCKETS: CapabilitySet = CapabilitySet::NET_ADMIN;

/// What a config needs.
fn needed(config: &Config) -> CapabilitySet {
    let tcp = &config.collectors.tcp;
    if tcp.enabled && tcp.round_trips { NEEDED | FOR_SOCKETS } else { NEEDED }
}

/// What to do where maps cannot be read without capabilities.
pub const READING_NEEDS_CAP_BPF: &str = "this kernel lets nobody read maps without CAP_BPF, so `privileges.drop: all` \
     cannot be used here: use `drop: unneeded`, Linux 5.19 or later, or kernel.unprivileged_bpf_disabled=0";

/// Gives up what is not needed, in this thread and those that it will make: capabilities, the way to new ones by
/// executing files, and the bounding set where that is allowed. A limit on locked memory, against which Linux
/// before 5.11 counts maps, is lifted first, if that is allowed.
///
/// # Errors
///
/// When something, such as a seccomp filter, does not let go of capabilities that are held.
pub fn restrict(config: &Config) -> Result<()> {
    let dropped = config.privileges.drop;
    // Whether it was needed shows when maps are made.
    let _ = host::lift_memlock_limit();
    if dropped != Dropped::Nothing {
        keep(needed(config))
            .context("cannot give up privileges; `privileges.drop: nothing` in the config keeps them")?;
    }
    info!(capabilities = %names(effective()).join(" "), drop = %dropped, "privileges");
    Ok(())
}

/// Gives up every capability of this thread and of those that it will make.
///
/// # Errors
///
/// As [`restrict`].
pub fn give_up_all() -> Result<()> {
    keep(CapabilitySet::empty()).context("cannot give up all capabilities, as `privileges.drop: all` asks")
}

fn keep(wanted: CapabilitySet) -> io::Result<()> {
    thread::set_no_new_privs(true)?;
    empty_bounding_set();
    match thread::clear_ambient_capability_set() {
        // Without ambient capabilities there is nothing to clear.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let held = thread::capabilities(None)?;
    let left = held.permitted & wanted;
    let sets = CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() };
    if sets != held {
        thread::set_capabilities(None, sets)?;
    }
    Ok(())
}

/// Needs `CAP_SETPCAP`. Without it the set stays, and gives nothing to a process that executes no file.
fn empty_bounding_set() {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match thread::capability_is_in_bounding_set(capability) {
            Ok(true) if thread::remove_capability_from_bounding_set(capability).is_err() => return,
            Ok(_) => {}
            // The kernel has no more of them.
            Err(_) => return,
        }
    }
}

/// What this thread may do; nothing when the kernel does not say.
pub fn effective() -> CapabilitySet {
    thread::capabilities(None).map_or(CapabilitySet::empty(), |held| held.effective)
}

/// Names as they are written everywhere: `CAP_BPF`.
pub fn names(set: CapabilitySet) -> Vec<String> {
    let known = set.iter_names().map(|(name, _)| format!("CAP_{name}"));
    // Those that came after this program was written have no name here.
    let unknown = set.iter_names().fold(set, |rest, (_, one)| rest - one);
    known.chain((unknown.bits() != 0).then(|| format!("{:#x}", unknown.bits()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_usual_ones() {
        assert_eq!(names(NEEDED), ["CAP_PERFMON", "CAP_BPF"]);
        assert_eq!(names(CapabilitySet::empty()), [""; 0]);
        let unknown = CapabilitySet::from_bits_retain(1 << 62 | 1 << 39);
        assert_eq!(names(unknown), ["CAP_BPF", "0x4000000000000000"]);
    }

    /// In a thread of its own: what is given up does not come back.
    #[test]
    fn a_thread_keeps_what_it_was_told_to() {
        let left = std::thread::spawn(|| {
            restrict(&Config::default())?;
            let needed = thread::capabilities(None)?;
            give_up_all()?;
            anyhow::Ok((needed, thread::capabilities(None)?, thread::no_new_privs()?))
        });
        let (needed, nothing, no_new_privs) = left.join().expect("no panic").expect("nobody forbids it");
        assert!(NEEDED.contains(needed.permitted), "{needed:?}");
        assert_eq!((needed.effective, needed.inheritable), (needed.permitted, CapabilitySet::empty()));
        assert_eq!((nothing.effective, nothing.permitted), (CapabilitySet::empty(), CapabilitySet::empty()));
        assert!(no_new_privs);
    }
}
