//! Circumstances in which the exporter is started: who it is, what it may, and what it sees.

use std::{
    ffi::{CStr, c_char, c_ulong},
    io,
    os::unix::process::CommandExt as _,
    process::Command,
    ptr::null,
};

use kernel_exporter::kernel::host;
use rustix::thread::{self, CapabilitySet, CapabilitySets};

use crate::{harness::die_with_parent, seccomp::Filter};

/// Before 5.11 maps count as locked memory, and whoever has this may lift the limit.
pub(crate) fn for_maps() -> CapabilitySet {
    if host::release().starts_with("5.10.") { CapabilitySet::SYS_RESOURCE } else { CapabilitySet::empty() }
}

/// What a program is started with. The default is what this test has.
#[derive(Clone, Default)]
pub(crate) struct Sandbox {
    /// Another user and group.
    pub(crate) user: Option<u32>,
    /// No other capabilities than these, neither now nor by executing files.
    pub(crate) capabilities: Option<CapabilitySet>,
    pub(crate) no_new_privs: bool,
    /// The root file system can't be written.
    pub(crate) read_only: bool,
    pub(crate) filter: Option<Filter>,
    /// The limit on locked memory in bytes.
    pub(crate) locked_memory: Option<u64>,
    /// Empty file systems in these places.
    pub(crate) emptied: &'static [&'static CStr],
    /// Mounts that are not there.
    pub(crate) unmounted: &'static [&'static CStr],
    /// A /proc that hides other users' processes.
    pub(crate) hidepid: bool,
}

impl Sandbox {
    /// Starts `command` in it.
    pub(crate) fn confine(&self, command: &mut Command) {
        let sandbox = self.clone();
        // SAFETY: between fork and exec only system calls are made; nothing is allocated or locked.
        unsafe { command.pre_exec(move || sandbox.enter()) };
    }

    fn enter(&self) -> io::Result<()> {
        self.mount()?;
        if let Some(bytes) = self.locked_memory {
            let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
            // SAFETY: a valid structure.
            check(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit) })?;
        }
        if self.no_new_privs {
            thread::set_no_new_privs(true)?;
        }
        self.become_somebody()?;
        // A change of user forgets it.
        die_with_parent().map_err(io::Error::from_raw_os_error)?;
        self.filter.as_ref().map_or(Ok(()), Filter::install)
    }

    fn mount(&self) -> io::Result<()> {
        if !self.read_only && self.emptied.is_empty() && self.unmounted.is_empty() && !self.hidepid {
            return Ok(());
        }
        // SAFETY: no pointers.
        check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
        mount(c"/", None, libc::MS_REC | libc::MS_PRIVATE, null())?;
        for point in self.unmounted {
            // SAFETY: a text that ends. What is not mounted need not be unmounted.
            unsafe { libc::umount2(point.as_ptr(), libc::MNT_DETACH) };
        }
        if self.hidepid {
            mount(c"/proc", Some(c"proc"), 0, c"hidepid=2".as_ptr())?;
        }
        for point in self.emptied {
            mount(point, Some(c"tmpfs"), 0, null())?;
        }
        if self.read_only {
            mount(c"/", None, libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY, null())?;
            // SAFETY: a text that ends.
            let file = unsafe { libc::open(c"/written".as_ptr(), libc::O_CREAT | libc::O_WRONLY, 0o600) };
            // SAFETY: this thread's own errno.
            if file >= 0 || unsafe { *libc::__errno_location() } != libc::EROFS {
                return Err(io::Error::from_raw_os_error(libc::ENOTSUP));
            }
        }
        Ok(())
    }

    fn become_somebody(&self) -> io::Result<()> {
        let Some(capabilities) = self.capabilities else { return Ok(()) };
        for number in 0..64 {
            let one = CapabilitySet::from_bits_retain(1 << number);
            if !capabilities.contains(one) && thread::capability_is_in_bounding_set(one).unwrap_or(false) {
                thread::remove_capability_from_bounding_set(one)?;
            }
        }
        if let Some(user) = self.user {
            thread::set_keep_capabilities(true)?;
            // Not libc's functions, which want to change threads that this process does not have.
            // SAFETY: an empty list, and no pointers.
            unsafe {
                check(libc::syscall(libc::SYS_setgroups, 0, null::<u32>()) as i32)?;
                check(libc::syscall(libc::SYS_setresgid, user, user, user) as i32)?;
                check(libc::syscall(libc::SYS_setresuid, user, user, user) as i32)?;
            }
        }
        let sets =
            CapabilitySets { effective: capabilities, permitted: capabilities, inheritable: capabilities };
        thread::set_capabilities(None, sets)?;
        for one in capabilities.iter().filter(|_| self.user.is_some()) {
            thread::configure_capability_in_ambient_set(one, true)?;
        }
        Ok(())
    }
}

fn mount(point: &CStr, kind: Option<&CStr>, flags: c_ulong, data: *const c_char) -> io::Result<()> {
    let kind = kind.map_or(null(), CStr::as_ptr);
    // SAFETY: texts that end.
    check(unsafe { libc::mount(c"none".as_ptr(), point.as_ptr(), kind, flags, data.cast()) })
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
