//! Without what is needed, the exporter and `doctor` say what is missing, by name.

use kernel_exporter::{
    kernel::host,
    privileges::{FOR_SOCKETS, NEEDED},
};
use rustix::thread::CapabilitySet;

use crate::{
    harness::*,
    report::Report,
    sandbox::{Sandbox, for_maps},
    seccomp::Filter,
};

/// `doctor` names `fix` for every collector, and the exporter for each when it gives up.
#[track_caller]
fn assert_missing(sandbox: &Sandbox, reason: &str, fix: &str, absent: &[&str]) {
    let report = Report::of(sandbox, "");
    report.assert_failed(reason, &[fix]);
    let (status, said) = Exporter::start_in_vain("", |command| sandbox.confine(command));
    assert_eq!(status.code(), Some(1), "{said}");
    let (_, last) = said.split_once("no collector can run").unwrap_or_else(|| panic!("{said}"));
    assert_eq!(last.matches(fix).count(), 3, "once for each collector: {said}");
    for word in absent {
        assert!(!last.contains(word), "{word} is not what is missing: {said}");
    }
}

fn with(capabilities: CapabilitySet) -> Sandbox {
    Sandbox { capabilities: Some(capabilities | for_maps()), ..Sandbox::default() }
}

#[test]
fn a_missing_capability_is_named() {
    let Some(_turn) = turn() else { return };
    assert_missing(&with(CapabilitySet::BPF), "missing_capability", "grant CAP_PERFMON (", &["CAP_BPF"]);
    assert_missing(&with(CapabilitySet::PERFMON), "missing_capability", "grant CAP_BPF (", &["CAP_PERFMON"]);
}

#[test]
fn nobody_is_told_both() {
    let Some(_turn) = turn() else { return };
    let nobody =
        Sandbox { user: Some(65_534), capabilities: Some(CapabilitySet::empty()), ..Sandbox::default() };
    assert_missing(&nobody, "missing_capability", "grant CAP_PERFMON and CAP_BPF (", &[]);
    let report = Report::of(&nobody, "");
    assert_eq!(report.json["machine"]["missing_capabilities"], serde_json::json!(["CAP_PERFMON", "CAP_BPF"]));
    assert_eq!(report.json["machine"]["uid"], 65_534);
    // Walking the tree takes nothing.
    report.assert_part("cgroup_events", "degraded", "missing_capability", &["CAP_BPF"]);
}

/// What takes one more capability is missing without it, and the rest works; with it, it is kept.
#[test]
fn each_round_trip_takes_a_capability_more() {
    const CONFIG: &str = "collectors: {tcp: {enabled: true, round_trips: true}}\n";
    const MISSING: &str = "each round trip";
    let Some(_turn) = turn() else { return };
    let gap = |capabilities| {
        let report = Report::of(&with(capabilities), CONFIG);
        let gaps = report.part("tcp")["gaps"].as_array().expect("a list").clone();
        gaps.into_iter().find(|gap| gap["lost"] == MISSING)
    };
    let gap_without = gap(NEEDED).expect("it is missing");
    assert_eq!(gap_without["reason"], "missing_capability");
    assert!(gap_without["fix"].to_string().contains("grant CAP_NET_ADMIN"), "{gap_without}");
    assert_eq!(gap(NEEDED | FOR_SOCKETS), None);
}

#[test]
fn a_filter_that_stops_bpf_is_told_from_a_missing_capability() {
    let Some(_turn) = turn() else { return };
    let sandbox = Sandbox { no_new_privs: true, filter: Some(Filter::without_bpf()), ..with(NEEDED) };
    assert_missing(&sandbox, "seccomp", "let the system call `bpf` through", &["CAP_"]);
}

#[test]
fn a_low_limit_on_locked_memory_is_told_where_it_counts() {
    let Some(_turn) = turn() else { return };
    let sandbox = Sandbox { capabilities: Some(NEEDED), locked_memory: Some(64 << 10), ..Sandbox::default() };
    if host::release().starts_with("5.10.") {
        assert_missing(&sandbox, "locked_memory", "LimitMEMLOCK=infinity", &["grant CAP_BPF"]);
    } else {
        Report::of(&sandbox, "").assert_healthy();
    }
}
