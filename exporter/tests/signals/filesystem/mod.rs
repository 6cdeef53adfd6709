//! Operations of file systems, against those that the test itself makes and times.
//!
//! They are measured by programs on functions of the kernel, so what is true is tested in VMs; elsewhere, that the
//! collector says why it is not there where it is not.

mod counts;
mod errors;
mod latency;
mod mounts;
mod setting;

use crate::harness::*;

const DURATION: &str = "kernel_filesystem_operation_duration_seconds";
const COUNT: &str = "kernel_filesystem_operation_duration_seconds_count";
const SUM: &str = "kernel_filesystem_operation_duration_seconds_sum";
const OPERATIONS: &str = "kernel_filesystem_operations_total";
const ERRORS: &str = "kernel_filesystem_errors_total";

/// Those that are to be there where this one is not, which it always is in VMs.
fn others() -> &'static [&'static str] {
    if in_vm() { &[] } else { &["lifecycle", "network", "memory", "tcp", "stalls"] }
}

fn config(section: &str) -> String {
    let others: String = others().iter().map(|name| format!("{name}: {{enabled: true}}, ")).collect();
    format!("collectors: {{{others}filesystem: {{enabled: true, {section}}}}}\n")
}

/// An exporter that measures operations of file systems; `None` where the kernel does not allow it, and says so.
fn exporter(section: &str) -> Option<Exporter> {
    let exporter = Exporter::start(&config(section));
    let scrape = exporter.scrape();
    if scrape.sum("kernel_exporter_collector_up", &[("collector", "filesystem")]) == 1 {
        let missing = [("collector", "filesystem")];
        assert_eq!(scrape.series("kernel_exporter_collector_missing_info", &missing).count(), 0);
        return Some(exporter);
    }
    assert!(!in_vm(), "these kernels have what it takes");
    assert_absent(&exporter);
    None
}

/// Asserts that it says why the collector is not there, that it shows nothing of it, and that the others are there.
#[track_caller]
fn assert_absent(exporter: &Exporter) {
    let scrape = exporter.scrape();
    let ours = |(name, _): &&(String, _)| name.starts_with("kernel_filesystem");
    assert_eq!(scrape.samples.keys().filter(ours).count(), 0, "nothing is told, not zero");
    let reasons: Vec<_> = scrape
        .series("kernel_exporter_collector_reason", &[("collector", "filesystem")])
        .filter_map(|(labels, value)| (value == 1.0).then_some(&*labels["reason"]))
        .collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_ne!(reasons, ["disabled"]);
    for other in others() {
        let up = scrape.sum("kernel_exporter_collector_up", &[("collector", *other)]);
        assert_eq!(up, 1, "{other} has nothing to do with it");
    }
    println!("not measured on this kernel: {}", reasons[0]);
}

/// Missed starts and missing entries since `between` began.
fn failures(between: &Between, kind: &str) -> u64 {
    between.count("kernel_exporter_failures_total", &[("family", "filesystem"), ("kind", kind)])
}

/// The collector is off unless it is asked for.
#[test]
fn it_is_off_by_default() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let reason = [("collector", "filesystem"), ("reason", "disabled")];
    assert_eq!(exporter.scrape().sum("kernel_exporter_collector_reason", &reason), 1);
}

/// Where programs may not be attached to functions, the reason is told; where they may, also the initial RAM disk has a
/// name, whose type the kernel does not list.
#[test]
fn it_is_there_or_says_why_not() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: none") else { return };
    let (between, _) = exporter.during(|| std::fs::File::open(binary()).expect("it runs"));
    let labels = [("filesystem_operation", "open"), ("system_filesystem_type", "rootfs")];
    let opens = between.count(COUNT, &labels);
    assert!(!in_vm() || opens > 0, "the file is on the RAM disk");
}
