//! How the exporter begins and ends.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use aya::programs::loaded_programs;

use crate::harness::*;

/// Ids of the BPF programs to which a process has descriptors, directly or through links.
fn programs_of(pid: libc::pid_t) -> BTreeSet<u32> {
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("it lives").flatten() {
        let about = fs::read_to_string(entry.path()).unwrap_or_default();
        let id = about.lines().find_map(|line| line.strip_prefix("prog_id:"));
        ids.extend(id.map(|id| id.trim().parse::<u32>().expect("a number")));
    }
    ids
}

/// Those of them that the kernel has, by name.
fn still_loaded(ids: &BTreeSet<u32>) -> Vec<String> {
    let all = loaded_programs().filter_map(Result::ok).filter(|program| ids.contains(&program.id()));
    all.map(|program| program.name_as_str().unwrap_or_default().to_owned()).collect()
}

/// Nothing is pinned: even when the exporter is killed, the kernel is as it was. The last reference to a
/// program goes a moment after its last user.
#[test]
fn nothing_stays_behind_when_it_is_killed() {
    let Some(_turn) = turn() else { return };
    let mut exporter = Exporter::start("");
    let ids = programs_of(exporter.pid());
    let names = still_loaded(&ids);
    for name in ["sched_switch", "sched_migrate_t", "task_newtask", "living_tasks"] {
        assert!(names.iter().any(|found| found == name), "{name} is not among {names:?}");
    }
    assert_eq!(names.len(), ids.len());

    exporter.signal(libc::SIGKILL);
    exporter.wait();

    wait_for("the kernel drops the programs", || still_loaded(&ids).is_empty());
}

/// A supervisor's request to end is answered within a second, with success, whoever is still connected.
#[test]
fn it_ends_within_a_second_of_sigterm() {
    let Some(_turn) = turn() else { return };
    let mut exporter = Exporter::start("");
    let mut connection = TcpStream::connect(exporter.address).expect("it listens");
    connection.write_all(b"GET / HTTP/1.1\r\nHost: truth\r\n\r\n").expect("it reads");
    assert!(connection.read(&mut [0; 1 << 16]).expect("a response") > 0);

    let begin = Instant::now();
    exporter.signal(libc::SIGTERM);
    let status = exporter.wait();

    assert!(begin.elapsed() < Duration::from_secs(1), "it took {:?}", begin.elapsed());
    assert_eq!(status.code(), Some(0), "{status}");
    drop(connection);
}

/// Where the kernel has no type information, every collector that is on says that this is what it lacks, and as none
/// can run, the exporter ends with exit code 1. Only a VM can be without, for as long as this test takes.
#[test]
fn it_says_what_is_missing_without_btf() {
    let Some(_turn) = turn() else { return };
    if !in_vm() {
        return;
    }
    // SAFETY: strings that end in zero, and no data.
    let hidden = unsafe {
        libc::mount(c"none".as_ptr(), c"/sys/kernel/btf".as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null())
    };
    assert_eq!(hidden, 0, "cannot hide the BTF");

    let (status, said) = Exporter::start_in_vain("", |_| {});

    // SAFETY: as above.
    assert_eq!(unsafe { libc::umount(c"/sys/kernel/btf".as_ptr()) }, 0);
    assert_eq!(status.code(), Some(1), "{said}");
    let (_, last) = said.split_once("no collector can run").unwrap_or_else(|| panic!("{said}"));
    for name in FIRST {
        let prefix = format!("  {name}: ");
        let line = last.lines().find_map(|line| line.strip_prefix(&prefix));
        let line = line.unwrap_or_else(|| panic!("nothing about {name}: {said}"));
        assert!(line.contains("/sys/kernel/btf/vmlinux") && line.contains("CONFIG_DEBUG_INFO_BTF"), "{line}");
    }
}
