//! Cgroups of our own.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use kernel_exporter::kernel::host::Hierarchy;

/// A cgroup in the hierarchy by which the exporter tells cgroups apart. Dropping removes it.
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// Where that hierarchy is mounted.
    pub(crate) fn root() -> Result<PathBuf, String> {
        let hierarchy = Hierarchy::of_this_host().map_err(|error| error.to_string())?;
        hierarchy.mount.ok_or_else(|| "the hierarchy of cgroups is not mounted".to_owned())
    }

    pub(crate) fn new(parent: &Path, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let path = parent.join(name.as_ref());
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Moves a process here.
    pub(crate) fn take(&self, process: u32) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), process.to_string())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The kernel may need a moment to see that the last process is gone.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("cannot remove {}", self.0.display());
    }
}
