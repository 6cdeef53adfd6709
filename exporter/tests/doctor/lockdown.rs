//! Under lockdown, which only a VM of its own can have: `scripts/test-in-vms.sh` boots some with
//! `lockdown=confidentiality psi=0` and runs the tests of this file alone.

use std::{fs, ptr::null};

use kernel_exporter::kernel::host;

use crate::{harness::*, privileges::write_something, report::Report, sandbox::Sandbox};

/// Programs that copy strings or untyped memory of the kernel's are refused: those on cgroups, and on 5.10, where
/// less has a type, one on requests. The others measure.
#[test]
fn under_lockdown_what_is_refused_is_told_and_the_rest_measures() {
    let Some(_turn) = turn() else { return };
    let command_line = fs::read_to_string("/proc/cmdline").expect("a file that is always there");
    if !command_line.contains("lockdown=confidentiality") {
        println!("elsewhere: this machine is not locked down");
        return;
    }
    // SAFETY: texts that end, and no data. Where it is mounted already, the call has nothing to do.
    unsafe {
        libc::mount(c"none".as_ptr(), c"/sys/kernel/security".as_ptr(), c"securityfs".as_ptr(), 0, null())
    };
    assert!(!fs::exists("/proc/pressure").expect("a /proc"), "this VM is without PSI");
    let report = Report::of(&Sandbox::default(), "");
    assert_eq!(report.code, Some(1), "{report:#?}");
    assert_eq!(report.json["machine"]["lockdown"], "confidentiality");
    assert_eq!((report.status("scheduler"), report.status("process")), ("ok", "ok"), "{report:#?}");
    let fix = ["boot without lockdown=confidentiality"];
    report.assert_part("cgroup_events", "degraded", "lockdown", &fix);
    assert!(report.part("cgroup_events")["lost"].is_string());
    let loses_requests = host::release().starts_with("5.10.");
    if loses_requests {
        report.assert_part("block_io", "failed", "lockdown", &fix);
    }

    let exporter = Exporter::start("");
    let scrape = exporter.scrape();
    let up = |name| scrape.sum("kernel_exporter_collector_up", &[("collector", name)]);
    assert_eq!([up("scheduler"), up("process"), up("block_io")], [1, 1, u64::from(!loses_requests)]);
    assert_eq!(scrape.sum("kernel_exporter_cgroup_events_up", &[]), 0);
    let reason = [("collector", "block_io"), ("reason", "lockdown")];
    assert_eq!(scrape.sum("kernel_exporter_collector_reason", &reason), u64::from(loses_requests));
    let mut growing = vec!["kernel_scheduler_context_switches_total", "process_context_switches_total"];
    growing.extend((!loses_requests).then_some("kernel_block_io_duration_seconds_count"));
    wait_for("counters that grow", || {
        write_something();
        let after = exporter.scrape();
        growing.iter().all(|name| after.sum(name, &[]) > scrape.sum(name, &[]))
    });
}
