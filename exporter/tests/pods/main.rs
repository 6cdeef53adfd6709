//! Real pods: podman's, with images made from nothing, and what the exporter says of their containers.
//!
//! The folder with podman comes from `scripts/setup.sh test`. Its pods have a sandbox and containers like any,
//! but no cluster knows their names, so they go by their containers' ids.

#[expect(dead_code, unused_imports, reason = "truth tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use harness::*;

/// Where `scripts/setup.sh` puts podman.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.cache/podman");

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pods/podman.sh");

/// Two running pods, gone when dropped.
struct Pods {
    child: Child,
    /// Ends the script when it is closed.
    input: Option<ChildStdin>,
    /// Ids by names.
    containers: BTreeMap<String, String>,
    program: PathBuf,
}

impl Pods {
    fn start() -> Self {
        let program = compiled_worker();
        let mut child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "bash", SCRIPT, ROOT])
            .arg(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux has unshare");
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let containers = lines
            .map(|line| line.expect("text"))
            .take_while(|line| line != "ready")
            .map(|line| {
                let (name, id) = line.split_once(' ').expect("a name and an id");
                (name.to_owned(), id.to_owned())
            })
            .collect();
        Self { child, input, containers, program }
    }

    /// The id of a pod's container.
    fn container(&self, name: &str) -> &str {
        &self.containers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.containers))[..]
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.program);
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        for hierarchy in hierarchies.map(|entry| entry.path()).chain(["/sys/fs/cgroup".into()]) {
            remove_empty(&hierarchy.join("libpod_parent"));
        }
    }
}

/// Removes the cgroups that podman leaves behind; those with processes in them stay.
fn remove_empty(cgroup: &Path) {
    let inner = fs::read_dir(cgroup).into_iter().flatten().flatten();
    for entry in inner.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_empty(&entry.path());
    }
    let _ = fs::remove_dir(cgroup);
}

/// A program that needs no other file.
fn compiled_worker() -> PathBuf {
    let program = env::temp_dir().join(unique("worker"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pods/worker.c");
    let status = Command::new("cc").args(["-static", "-O1", "-o"]).arg(&program).arg(source).status();
    assert!(status.expect("a C compiler").success());
    program
}

/// The process of a container whose name is the worker's.
fn worker_in(container: &str) -> libc::pid_t {
    let processes = fs::read_dir("/proc").expect("proc is mounted");
    let mut pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_in = |pid: &libc::pid_t| {
        let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        read("comm") == "worker\n" && read("cgroup").contains(container)
    };
    pids.find(is_in).unwrap_or_else(|| panic!("no worker in {container}"))
}

#[test]
fn containers_of_real_pods_are_counted_under_their_ids() {
    let Some(_turn) = turn() else { return };
    if !Path::new(ROOT).join("usr/bin/podman").exists() {
        println!("SKIPPED: no podman in .cache/podman; scripts/setup.sh test puts it there");
        return;
    }
    let exporter = Exporter::start("");
    let pods = Pods::start();
    let [one, two] = ["one-worker", "two-worker"].map(|name| pods.container(name));
    let [pid, idle] = [one, two].map(worker_in);
    for pid in [pid, idle] {
        wait_until_off_cpu(&pid.to_string());
    }
    assert_eq!(pods.containers.len(), 4, "each pod has a sandbox: {:?}", pods.containers);

    let before = Counts::of_process(pid);
    let (between, ()) = exporter.during(|| {
        // SAFETY: no preconditions; the process is waited for by its container's monitor, which nobody ends.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGUSR1) }, 0);
        wait_for("the container works", || Counts::of_process(pid).voluntary > before.voluntary + 1000);
        wait_until_off_cpu(&pid.to_string());
    });
    let worked = Counts::of_process(pid) - before;
    assert!(worked.voluntary > 1000 && worked.cpu_ns > 10_000_000, "{worked:?}");

    let of = |id| [("container_id", id), ("container_runtime", "podman")];
    let switches = |id, kind| {
        let labels = [&of(id)[..], &[("type", kind)]].concat();
        between.count("kernel_scheduler_context_switches_total", &labels)
    };
    let time = |id| between.nanoseconds("process_cpu_time_seconds_total", &of(id));
    assert_eq!(switches(one, "voluntary"), worked.voluntary);
    assert_eq!(switches(one, "involuntary"), worked.involuntary);
    assert_eq!(time(one), worked.cpu_ns);
    assert_eq!((switches(two, "voluntary"), time(two)), (0, 0), "the other one slept");
    // The sandbox is a container of its own.
    for (name, id) in &pods.containers {
        let labels = of(id);
        let mut samples = between.after.series("process_cpu_time_seconds_total", &labels);
        assert!(samples.next().is_some(), "nothing of {name}");
    }
}
