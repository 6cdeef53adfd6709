//! What this host has: CPUs, pids, and the hierarchy in which cgroups are told apart.

use std::{
    cmp::Reverse,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

/// CPUs that could ever be online. Per-CPU memory is made for all of them.
pub fn possible_cpus() -> Result<u32> {
    const PATH: &str = "/sys/devices/system/cpu/possible";
    let ranges = fs::read_to_string(PATH).with_context(|| format!("cannot read {PATH}"))?;
    highest(&ranges).map(|last| last + 1).with_context(|| format!("{PATH} says {ranges:?}"))
}

/// CPUs that are online, whether or not this process may use them.
pub fn online_cpus() -> f64 {
    // SAFETY: no preconditions.
    unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }.max(1) as f64
}

fn highest(ranges: &str) -> Option<u32> {
    ranges.trim().split([',', '-']).filter_map(|number| number.parse().ok()).max()
}

/// Threads that can exist at once.
pub fn max_threads() -> u32 {
    let read = |path| fs::read_to_string(path).ok()?.trim().parse::<u32>().ok();
    let limits = [read("/proc/sys/kernel/pid_max"), read("/proc/sys/kernel/threads-max")];
    limits.into_iter().flatten().min().unwrap_or(32_768)
}

/// Lifts the limit on locked memory, against which Linux before 5.11 counts maps.
pub fn lift_memlock_limit() -> io::Result<()> {
    let unlimited = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a valid structure.
    match unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &unlimited) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The running kernel's release, `6.1.0-37-cloud-amd64`.
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// The limit on locked memory in bytes; `None` when there is none.
pub fn memlock_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Memlock).current
}

/// Whether this process is in a user namespace that someone made, not in the kernel's first.
pub fn is_in_user_namespace() -> bool {
    // Namespaces of the start have fixed numbers (include/linux/proc_ns.h).
    namespace("user").is_some_and(|number| number != 0xEFFF_FFFD)
}

/// The number of this process' namespace of a kind; `None` when it can't be read.
pub fn namespace(kind: &str) -> Option<u64> {
    fs::metadata(format!("/proc/self/ns/{kind}")).ok().map(|namespace| namespace.ino())
}

/// A field of this thread's status, `NoNewPrivs`; `None` without a /proc.
pub fn status_of_this_thread(field: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let values = status.lines().filter_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    values.map(|value| value.trim().to_owned()).next()
}

/// Gives memory that loading programs took (the kernel's type information) back to the system.
pub fn return_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no preconditions.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Makes all threads share one heap. By default a thread takes one of its own when it finds the others in use, and what
/// one of them has freed does not serve the next: a config read again now and then would cost 25 MB more several
/// times, because each time another thread reads the kernel's type information. To be called before there are threads.
pub fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no preconditions.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// The monotonic clock, as the kernel's `ktime_get_ns` and `start_time` count it.
pub fn monotonic_ns() -> u64 {
    nanoseconds(libc::CLOCK_MONOTONIC)
}

/// CPU time of this thread so far.
pub fn thread_cpu_ns() -> u64 {
    nanoseconds(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid structure. These clocks always exist.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The inode number of every hierarchy's root (`kernfs_create_root`, fs/kernfs/dir.c).
pub const CGROUP_ROOT: u64 = 1;

/// The hierarchy in which cgroups are told apart: cgroup v2, or the memory controller's on v1 and hybrid
/// hosts, because there the controllers that matter are not in the unified hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// The kernel's number of it; 0 is cgroup v2.
    pub id: u32,
    /// Where it is mounted.
    pub mount: Option<PathBuf>,
}

impl Hierarchy {
    /// This host's.
    pub fn of_this_host() -> Result<Self> {
        let controllers = fs::read_to_string("/proc/cgroups").unwrap_or_default();
        let mounts =
            fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
        let id = memory_hierarchy(&controllers);
        let mount = mount_point(&mounts, id != 0);
        if id == 0 && mount.is_none() && !Path::new("/sys/fs/cgroup").exists() {
            bail!("no cgroup v2 mount in /proc/self/mountinfo and no /sys/fs/cgroup");
        }
        Ok(Self { id, mount })
    }
}

/// Where cgroup v2 is mounted, beside cgroup v1 too; `None` when it is not to be seen here.
pub fn cgroup_v2() -> Result<Option<PathBuf>> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    Ok(mount_point(&mounts, false))
}

/// Number of the memory controller's hierarchy; lines are `name hierarchy cgroups enabled`. From 6.x kernels
/// may have no such file, or not this controller in it: then it is cgroup v2.
fn memory_hierarchy(controllers: &str) -> u32 {
    controllers
        .lines()
        .filter_map(|line| line.strip_prefix("memory"))
        .find_map(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Where the hierarchy is mounted, from its root: the shortest such mount.
///
/// In a cgroup namespace of its own, as a pod has on cgroup v2, `/` is the namespace's root and a mount of the
/// host's is `/../..`, as many steps up as there are (`kernfs_path_from_node`, fs/kernfs/dir.c). So the highest is
/// taken; whoever walks it looks at its inode number.
fn mount_point(mounts: &str, v1_memory: bool) -> Option<PathBuf> {
    let points = mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
        let (root, point) = (left.next()?, left.next()?);
        let (kind, options) = (right.next()?, right.nth(1)?);
        let wanted = if v1_memory {
            kind == "cgroup" && options.split(',').any(|option| option == "memory")
        } else {
            kind == "cgroup2"
        };
        let steps_up = root.matches("/..").count();
        (wanted && (root == "/" || root.len() == steps_up * "/..".len())).then_some((steps_up, point))
    });
    let (_, point) = points.min_by_key(|(steps_up, point)| (Reverse(*steps_up), point.len()))?;
    Some(PathBuf::from(point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn possible_cpus_are_counted_to_the_highest() {
        assert_eq!(highest("0-1\n"), Some(1));
        assert_eq!(highest("0\n"), Some(0));
        assert_eq!(highest("0-3,8-11\n"), Some(11));
        assert_eq!(highest("\n"), None);
    }

    #[test]
    fn hierarchies() {
        let v1 = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t4\t9\t1\n";
        assert_eq!(memory_hierarchy(v1), 4);
        assert_eq!(memory_hierarchy("#subsys_name\nmemory\t0\t9\t1\n"), 0);
        assert_eq!(memory_hierarchy(""), 0);
        let mounts = "29 22 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      30 22 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                      31 22 0:26 /pod /elsewhere rw - cgroup2 cgroup2 rw\n";
        assert_eq!(mount_point(mounts, true), Some("/sys/fs/cgroup/memory".into()));
        assert_eq!(mount_point(mounts, false), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(mount_point("", false), None);
    }

    #[test]
    fn the_host_s_hierarchy_is_found_from_within_a_cgroup_namespace() {
        let mounts = "30 22 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n\
                      31 22 0:26 /../.. /host/sys/fs/cgroup ro - cgroup2 cgroup2 ro\n\
                      32 22 0:26 /../../system.slice /a ro - cgroup2 cgroup2 ro\n\
                      33 22 0:26 /..a /b ro - cgroup2 cgroup2 ro\n\
                      34 22 0:26 /.. /c ro - cgroup2 cgroup2 ro\n";
        assert_eq!(mount_point(mounts, false), Some("/host/sys/fs/cgroup".into()));
    }
}
