//! A pod on cgroup v2 is in a cgroup namespace of its own, where paths begin at the pod.

use std::{
    env, fs, io,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    process::Command,
};

use kernel_exporter::{entities::cgroups::Cgroups, kernel::host::Hierarchy};

use crate::harness::{Cgroup, mount, turn};

/// Set in the process that is inside: the id of a cgroup outside, and its path.
const INSIDE: &str = "KERNEL_EXPORTER_IN_A_CGROUP_NAMESPACE";

#[test]
fn cgroups_outside_of_the_namespace_have_names() {
    if let Ok(outside) = env::var(INSIDE) {
        let (id, path) = outside.split_once(' ').expect("two words");
        let hierarchy = Hierarchy::of_this_host().expect("cgroups are mounted");
        let mut cgroups = Cgroups::start(None, &hierarchy);
        assert_eq!(*cgroups.path(id.parse().expect("a number")), *path, "{hierarchy:?}");
        return;
    }
    let Some(_turn) = turn() else { return };
    let (outside, pod) = (Cgroup::make("outside"), Cgroup::make("pod"));
    let folder = mount().join(outside.path.trim_start_matches('/'));
    let id = fs::metadata(folder).expect("it was made").ino();
    let processes = mount().join(pod.path.trim_start_matches('/')).join("cgroup.procs");
    let mut inside = Command::new(env::current_exe().expect("this test"));
    inside.args(["--exact", "namespace::cgroups_outside_of_the_namespace_have_names", "--nocapture"]);
    inside.env(INSIDE, format!("{id} {}", outside.path));
    let enter = move || {
        fs::write(&processes, "0")?;
        // SAFETY: no pointers.
        match unsafe { libc::unshare(libc::CLONE_NEWCGROUP | libc::CLONE_NEWNS) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: the path was allocated before; writing a file and leaving a namespace are system calls.
    unsafe { inside.pre_exec(enter) };
    let output = inside.output().expect("the test runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
