//! Machines on which something is missing or switched off.

use std::fs;

use rustix::thread::CapabilitySet;
use serde_json::Value;

use crate::{harness::*, report::Report, sandbox::Sandbox};

#[test]
fn without_btf_nothing_can_be_attached() {
    let Some(_turn) = turn() else { return };
    let report = Report::of(&Sandbox { emptied: &[c"/sys/kernel/btf"], ..Sandbox::default() }, "");
    report.assert_failed("no_btf", &["CONFIG_DEBUG_INFO_BTF=y", "mount the host's /sys"]);
    report.assert_part("cgroup_events", "failed", "no_btf", &[]);
    assert_eq!(report.json["machine"]["btf"], false);
}

#[test]
fn tracefs_is_not_needed() {
    let Some(_turn) = turn() else { return };
    let unmounted = &[c"/sys/kernel/debug/tracing", c"/sys/kernel/tracing", c"/sys/kernel/debug"];
    let report = Report::of(&Sandbox { unmounted, ..Sandbox::default() }, "");
    report.assert_healthy();
    assert_eq!(report.json["machine"]["tracefs"], Value::Null);
}

#[test]
fn kprobes_are_not_needed() {
    const SWITCH: &str = "/sys/kernel/debug/kprobes/enabled";
    let Some(_turn) = turn() else { return };
    if !in_vm() {
        println!("elsewhere: only a VM may be without kprobes");
        return;
    }
    let _switched = Switched::to(SWITCH, "0").expect("these kernels can switch them off");
    Report::of(&Sandbox::default(), "").assert_healthy();
}

/// Kernels without an interpreter (`CONFIG_BPF_JIT_ALWAYS_ON`) refuse it; where they don't, programs run in it.
#[test]
fn the_jit_compiler_is_not_needed() {
    let Some(_turn) = turn() else { return };
    if !in_vm() {
        println!("elsewhere: only a VM may be without the JIT compiler");
        return;
    }
    let Some(_switched) = Switched::to("/proc/sys/net/core/bpf_jit_enable", "0") else {
        println!("elsewhere: this kernel's JIT compiler cannot be switched off");
        return;
    };
    let report = Report::of(&Sandbox::default(), "");
    report.assert_healthy();
    assert_eq!(report.json["machine"]["bpf_jit_enable"], 0);
}

/// A container that was given nothing: doctor still says what it can, for root and for nobody.
#[test]
fn it_survives_without_sys_and_proc() {
    let Some(_turn) = turn() else { return };
    let nobody =
        Sandbox { user: Some(65_534), capabilities: Some(CapabilitySet::empty()), ..Sandbox::default() };
    for sandbox in [Sandbox::default(), nobody.clone()] {
        let report = Report::of(&Sandbox { emptied: &[c"/sys"], ..sandbox.clone() }, "");
        report.assert_failed("no_btf", &["mount the host's /sys"]);
        let report = Report::of(&Sandbox { emptied: &[c"/sys", c"/proc"], ..sandbox.clone() }, "");
        report.assert_failed("no_btf", &["mount the host's /sys"]);
        assert_eq!(report.json["machine"]["no_new_privs"], Value::Null);
        let report = Report::of(&Sandbox { emptied: &[c"/proc"], ..sandbox }, "");
        report.assert_failed("kernel_config", &["mount the host's /proc"]);
    }
    let report = Report::of(&Sandbox { hidepid: true, ..nobody }, "");
    report.assert_failed("missing_capability", &["CAP_BPF"]);
    let hides = report.json["machine"]["proc_hides"].as_array().expect("a list");
    assert!(
        hides.iter().any(|option| option.as_str().is_some_and(|text| text.starts_with("hidepid="))),
        "{hides:?}"
    );
}

#[test]
fn what_is_off_is_no_fault() {
    let Some(_turn) = turn() else { return };
    let report = Report::of(
        &Sandbox::default(),
        "collectors: {block_io: {enabled: false}, process: {enabled: false}}",
    );
    assert_eq!((report.status("block_io"), report.status("process")), ("off", "off"));
    assert_eq!((report.status("scheduler"), report.code), ("ok", Some(0)));
}

/// On every kernel, the rung that is known to hold there, and why not the one above.
#[test]
fn the_rung_is_the_best_that_this_kernel_has() {
    let Some(_turn) = turn() else { return };
    let report = Report::of(&Sandbox::default(), "");
    let rungs = report.part("scheduler")["rungs"].as_array().expect("a list").clone();
    let states: Vec<_> = rungs.iter().map(|rung| (rung["name"].as_str(), rung["state"].as_str())).collect();
    let storage = if kernel_exporter::kernel::host::release().starts_with("5.10.") {
        assert_eq!(rungs[0]["why"], "this kernel has no task storage");
        [Some("refused"), Some("taken")]
    } else {
        [Some("taken"), Some("not_tried")]
    };
    assert_eq!(states, [(Some("tp_btf+task_storage"), storage[0]), (Some("tp_btf+pid_hash"), storage[1])]);
}

/// A switch of the whole machine, put back when dropped.
struct Switched {
    path: &'static str,
    before: String,
}

impl Switched {
    /// `None` when the kernel does not want it.
    fn to(path: &'static str, value: &str) -> Option<Self> {
        let before = fs::read_to_string(path).ok()?;
        fs::write(path, value).ok()?;
        Some(Self { path, before })
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        if let Err(error) = fs::write(self.path, self.before.trim()) {
            eprintln!("cannot put back {}: {error}", self.path);
        }
    }
}
