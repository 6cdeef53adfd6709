//! Where the system says what `doctor` tells of it. Files that are not there are no errors: a container may see
//! next to nothing.

use std::{fs, io::Read as _};

use crate::kernel::{btf, build_config::BuildConfig};

/// Namespaces of the start have fixed numbers (include/linux/proc_ns.h).
pub(super) const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// A file's text.
pub(super) fn text(path: &str) -> Option<String> {
    fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A number that can be set while the kernel runs.
pub(super) fn sysctl(name: &str) -> Option<i64> {
    text(&format!("/proc/sys/{name}"))?.trim().parse().ok()
}

/// Whether the file is there and begins as BTF does; to read all of it is left to those who need it.
pub(super) fn has_btf() -> bool {
    let mut magic = [0; 2];
    fs::File::open(btf::VMLINUX).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok())
        && magic == [0x9f, 0xeb]
}

pub(super) fn is_built_with_btf() -> Option<bool> {
    BuildConfig::of_running_kernel().map(|config| config.has("CONFIG_DEBUG_INFO_BTF"))
}

/// The mode's name by its number in a task's status.
pub(super) fn seccomp_mode(number: String) -> String {
    match number.as_str() {
        "0" => "off".to_owned(),
        "1" => "strict".to_owned(),
        "2" => "filter".to_owned(),
        _ => number,
    }
}

/// The mode in brackets.
pub(super) fn lockdown() -> Option<String> {
    bracketed(&text("/sys/kernel/security/lockdown")?)
}

fn bracketed(modes: &str) -> Option<String> {
    modes.split_whitespace().find_map(|mode| Some(mode.strip_prefix('[')?.strip_suffix(']')?.to_owned()))
}

/// What of a line of mountinfo is of interest here: where, of which type, with which options.
fn mounts(mountinfo: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    mountinfo.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        Some((left.split(' ').nth(4)?, right.next()?, right.nth(1)?))
    })
}

/// Where the first file system of this type is mounted.
pub(super) fn mount_of(mountinfo: &str, kind: &str) -> Option<String> {
    mounts(mountinfo).find_map(|(point, mounted, _)| (mounted == kind).then(|| point.to_owned()))
}

/// By the hierarchies that are mounted here.
pub(super) fn cgroup_layout(mountinfo: &str) -> Option<String> {
    let has = |wanted| mounts(mountinfo).any(|(_, kind, _)| kind == wanted);
    let layout = match (has("cgroup"), has("cgroup2")) {
        (true, true) => "hybrid",
        (true, false) => "v1",
        (false, true) => "v2",
        (false, false) => return None,
    };
    Some(layout.to_owned())
}

/// Options of the last mount on /proc, which is the one that is seen.
pub(super) fn hidden_by_proc(mountinfo: &str) -> Vec<String> {
    let options = mounts(mountinfo).filter(|(point, kind, _)| *point == "/proc" && *kind == "proc").last();
    let options = options.map_or("", |(.., options)| options);
    let hides = |option: &&str| option.starts_with("subset=") || option.starts_with("hidepid=");
    options.split(',').filter(hides).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
22 1 0:21 / /proc rw,relatime - proc proc rw,gid=4,hidepid=invisible
29 22 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
30 22 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
31 22 0:27 / /sys/kernel/tracing rw shared:9 - tracefs tracefs rw
32 22 0:21 / /proc rw - proc proc rw,hidepid=ptraceable,subset=pid
a line that is none
";

    #[test]
    fn mounts_tell() {
        assert_eq!(cgroup_layout(HYBRID).as_deref(), Some("hybrid"));
        assert_eq!(cgroup_layout("1 1 0:1 / /c rw - cgroup2 c rw").as_deref(), Some("v2"));
        assert_eq!(cgroup_layout("1 1 0:1 / /c rw - cgroup c rw").as_deref(), Some("v1"));
        assert_eq!(cgroup_layout(""), None);
        assert_eq!(mount_of(HYBRID, "tracefs").as_deref(), Some("/sys/kernel/tracing"));
        assert_eq!(mount_of(HYBRID, "bpf"), None);
        assert_eq!(hidden_by_proc(HYBRID), ["hidepid=ptraceable", "subset=pid"]);
        assert_eq!(hidden_by_proc(""), [""; 0]);
    }

    #[test]
    fn lockdown_is_in_brackets() {
        assert_eq!(bracketed("none [integrity] confidentiality\n").as_deref(), Some("integrity"));
        assert_eq!(bracketed(""), None);
    }

    #[test]
    fn seccomp_modes_have_names() {
        let named = ["0", "1", "2", "7"].map(|number| seccomp_mode(number.to_owned()));
        assert_eq!(named, ["off", "strict", "filter", "7"]);
    }
}
