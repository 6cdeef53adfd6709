//! Everything that is on by default works with two capabilities, and these are all that is kept, by every thread.

use std::{collections::BTreeSet, fs, fs::File, io::Write as _, path::Path, time::Instant};

use kernel_exporter::{config::Config, kernel::host, privileges::NEEDED};
use rustix::thread::CapabilitySet;

use crate::{
    harness::*,
    report::Report,
    sandbox::{Sandbox, for_maps},
    seccomp::Filter,
};

/// What a careful administrator gives to a container.
fn hardened() -> Sandbox {
    Sandbox {
        capabilities: Some(NEEDED | for_maps()),
        no_new_privs: true,
        read_only: true,
        filter: Some(Filter::runtime_default()),
        ..Sandbox::default()
    }
}

#[test]
fn root_with_two_capabilities_in_a_read_only_root_behind_a_filter_measures_all() {
    let Some(_turn) = turn() else { return };
    let sandbox = hardened();
    let exporter = Exporter::start_in("", |command| sandbox.confine(command));
    assert_measures(&exporter);
    assert_every_thread_has(&exporter, NEEDED);
    Report::of(&sandbox, "").assert_healthy();
}

#[test]
fn another_user_with_two_ambient_capabilities_measures_all() {
    let Some(_turn) = turn() else { return };
    let sandbox = Sandbox { user: Some(65_534), ..hardened() };
    let exporter = Exporter::start_in("", |command| sandbox.confine(command));
    assert_measures(&exporter);
    assert_every_thread_has(&exporter, NEEDED);
    Report::of(&sandbox, "").assert_healthy();
}

/// What a collector tells less of, this kernel does not allow to root with all capabilities either.
#[test]
fn two_capabilities_are_as_good_as_all_for_every_collector_that_is_on() {
    let Some(_turn) = turn() else { return };
    let of_root = Report::of_all(&Sandbox::default(), "privileges: {drop: nothing}\n");
    let hardened = Report::of_all(&hardened(), "");
    for (name, section) in Config::default().collectors.sections() {
        assert_eq!(hardened.status(name), of_root.status(name), "{hardened:#?}");
        assert_eq!(hardened.part(name)["lost"], of_root.part(name)["lost"]);
        assert_eq!(section.enabled(), hardened.status(name) != "off");
        assert_ne!(hardened.status(name), "failed", "{hardened:#?}");
    }
}

#[test]
fn root_gives_up_all_others() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    assert_measures(&exporter);
    assert_every_thread_has(&exporter, NEEDED);
    for status in statuses(&exporter) {
        assert_eq!(set(&status, "CapBnd"), CapabilitySet::empty(), "it may be emptied by root: {status}");
    }
    let scrape = exporter.scrape();
    for name in ["CAP_BPF", "CAP_PERFMON"] {
        assert_eq!(scrape.sum("kernel_exporter_capability_info", &[("capability", name)]), 1);
    }
    assert_eq!(scrape.sum("kernel_exporter_capability_info", &[]), 2);
}

#[test]
fn nothing_is_given_up_where_the_config_says_so() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("privileges: {drop: nothing}");
    for status in statuses(&exporter) {
        assert!(set(&status, "CapEff").contains(CapabilitySet::KILL), "{status}");
        assert_eq!(field(&status, "NoNewPrivs"), "0");
    }
}

/// Where the kernel then still allows reading, the exporter measures on without any capability; else it says at the
/// start what to do. So does `doctor`.
#[test]
fn all_can_be_given_up_where_the_kernel_lets_nobody_read() {
    const CONFIG: &str = "privileges: {drop: all}";
    let Some(_turn) = turn() else { return };
    let report = Report::of(&Sandbox::default(), CONFIG);
    if report.code == Some(0) {
        report.assert_healthy();
        let exporter = Exporter::start(CONFIG);
        assert_measures(&exporter);
        assert_every_thread_has(&exporter, CapabilitySet::empty());
        assert!(
            exporter.reload("privileges: {drop: all}\ncollectors: {scheduler: {by: workload}}"),
            "no new program"
        );
        let other_program = "privileges: {drop: all}\ncollectors: {process: {enabled: false}}";
        assert!(!exporter.reload(other_program), "it would have to be loaded");
        let said = exporter.log();
        assert!(
            said.contains("with `privileges.drop: all`, what needs another program takes a restart"),
            "{said}"
        );
        assert_measures(&exporter);
        println!("all capabilities can be given up on Linux {}", host::release());
        return;
    }
    report.assert_failed("missing_capability", &["`drop: unneeded`", "5.19", "unprivileged_bpf_disabled=0"]);
    let (status, said) = Exporter::start_in_vain(CONFIG, |_| {});
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("`drop: unneeded`") && said.contains("kernel.unprivileged_bpf_disabled=0"),
        "{said}"
    );
    println!("not all capabilities can be given up on Linux {}", host::release());
}

/// Of whom something is asked, and whose counters grow by it.
fn assert_measures(exporter: &Exporter) {
    let before = exporter.scrape();
    for collector in ["scheduler", "process", "block_io"] {
        assert_eq!(before.sum("kernel_exporter_collector_up", &[("collector", collector)]), 1, "{collector}");
        assert_eq!(before.sum("kernel_exporter_collector_degraded", &[("collector", collector)]), 0);
        assert_eq!(before.sum("kernel_exporter_collector_rung_info", &[("collector", collector)]), 1);
    }
    assert_eq!(before.sum("kernel_exporter_cgroup_events_up", &[]), 1);
    let names = [
        "kernel_scheduler_run_queue_latency_seconds_count",
        "kernel_scheduler_context_switches_total",
        "process_context_switches_total",
        "kernel_block_io_duration_seconds_count",
    ];
    let start = Instant::now();
    wait_for("counters that grow", || {
        if start.elapsed().as_secs() > 50 {
            println!("{:#?}", exporter.scrape().samples);
        }
        write_something();
        let after = exporter.scrape();
        names.iter().all(|name| after.sum(name, &[]) > before.sum(name, &[]))
    });
}

/// To a VM's disk, or to a file on this host's.
pub(crate) fn write_something() {
    let disk = Path::new("/dev/vda");
    let path =
        if in_vm() && disk.exists() { disk.to_owned() } else { std::env::temp_dir().join(unique("written")) };
    let mut file = File::options().write(true).create(!in_vm()).truncate(false).open(&path).expect("a disk");
    file.write_all(&[1; 4096]).and_then(|()| file.sync_all()).expect("a disk that can be written");
    if !in_vm() {
        let _ = fs::remove_file(path);
    }
}

#[track_caller]
fn assert_every_thread_has(exporter: &Exporter, capabilities: CapabilitySet) {
    let statuses = statuses(exporter);
    let names: BTreeSet<_> = statuses.iter().map(|status| field(status, "Name")).collect();
    assert!(names.contains("cgroup-events") && names.len() > 1, "threads of all kinds are there: {names:?}");
    for status in &statuses {
        for (kind, kept) in [
            ("CapEff", capabilities),
            ("CapPrm", capabilities),
            ("CapInh", CapabilitySet::empty()),
            ("CapAmb", CapabilitySet::empty()),
        ] {
            assert_eq!(set(status, kind), kept, "{kind} of {status}");
        }
        assert_eq!(field(status, "NoNewPrivs"), "1", "{status}");
    }
}

/// The status of every thread.
fn statuses(exporter: &Exporter) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", exporter.pid())).expect("it runs").flatten();
    tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok()).collect()
}

fn set(status: &str, name: &str) -> CapabilitySet {
    CapabilitySet::from_bits_retain(u64::from_str_radix(field(status, name), 16).expect("hexadecimal digits"))
}

fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let mut values = status.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    values.next().unwrap_or_else(|| panic!("no {name} in {status}")).trim()
}
