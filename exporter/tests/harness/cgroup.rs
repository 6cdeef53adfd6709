//! Cgroups in the hierarchy by which the exporter tells them apart.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use kernel_exporter::kernel::host::Hierarchy;

use super::{unique, wait_for};

/// A cgroup, removed when dropped. On hosts with cgroup v1 it has a twin with the `cpuacct` controller.
pub(crate) struct Cgroup {
    /// The value of the label `cgroup`.
    pub(crate) path: String,
    folder: PathBuf,
    cpuacct: Option<PathBuf>,
}

impl Cgroup {
    /// One that nobody else uses.
    pub(crate) fn make(name: &str) -> Self {
        Self::at(&format!("/{}", unique(name)))
    }

    /// One with this path from the hierarchy's root; those above it must exist.
    pub(crate) fn at(path: &str) -> Self {
        let hierarchy = Hierarchy::of_this_host().expect("cgroups are there");
        let twin = (hierarchy.id != 0).then(|| cpuacct_mount().expect("cpuacct is mounted"));
        let mut cgroup = Self::alone_at(path);
        cgroup.cpuacct = twin.map(|mount| make(&mount, path.as_ref()));
        cgroup
    }

    /// The same without the twin, for crowds of which nobody asks [`cpu_ns`](Self::cpu_ns).
    pub(crate) fn alone_at(path: impl AsRef<OsStr>) -> Self {
        let path = path.as_ref();
        Self { path: path.to_string_lossy().into_owned(), folder: make(&mount(), path), cpuacct: None }
    }

    /// Moves this process into it.
    pub(crate) fn enter(&self) {
        for folder in [Some(&self.folder), self.cpuacct.as_ref()].into_iter().flatten() {
            fs::write(folder.join("cgroup.procs"), "0").expect("root may move processes");
        }
    }

    /// Its folder, with the controllers' files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// CPU time by the kernel's own accounting, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        let read = |file: PathBuf| fs::read_to_string(file).expect("every cgroup counts its CPU time");
        if let Some(twin) = &self.cpuacct {
            return read(twin.join("cpuacct.usage")).trim().parse().expect("a number");
        }
        let stat = read(self.folder.join("cpu.stat"));
        let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
        usage.expect("every cgroup has it").parse::<u64>().expect("a number") * 1000
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let folders = [Some(&self.folder), self.cpuacct.as_ref()];
        if std::thread::panicking() {
            // A worker that was just killed may still be inside for a moment; one that is killed later on the way
            // out is in vain waited for.
            for folder in folders.into_iter().flatten() {
                let is_removed = |_: &u32| fs::remove_dir(folder).is_ok();
                let _ = (0..20).find(|n| {
                    is_removed(n) || {
                        sleep(Duration::from_millis(5));
                        false
                    }
                });
            }
            return;
        }
        for folder in folders.into_iter().flatten() {
            wait_for("a cgroup becomes empty", || fs::remove_dir(folder).is_ok());
        }
    }
}

/// Path of the cgroup that a task is in.
pub(crate) fn cgroup_of(task: &str) -> Option<String> {
    let id = Hierarchy::of_this_host().expect("cgroups are there").id;
    let lines = fs::read_to_string(format!("/proc/{task}/cgroup")).ok()?;
    lines
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{id}:"))?.split_once(':'))
        .map(|(_, path)| path.to_owned())
}

/// Where the hierarchy is mounted by which the exporter tells cgroups apart.
pub(crate) fn mount() -> PathBuf {
    let hierarchy = Hierarchy::of_this_host().expect("cgroups are there");
    hierarchy.mount.expect("mounted from its root")
}

fn make(mount: &Path, path: &OsStr) -> PathBuf {
    let mut folder = mount.as_os_str().to_owned();
    folder.push(path);
    let folder = PathBuf::from(folder);
    fs::create_dir(&folder).unwrap_or_else(|error| panic!("cannot make {folder:?}: {error}"));
    folder
}

fn cpuacct_mount() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (point, kind, options) = (words.next()?, words.next()?, words.next()?);
        (kind == "cgroup" && options.split(',').any(|option| option == "cpuacct")).then(|| point.into())
    })
}
