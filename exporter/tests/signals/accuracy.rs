//! What a test has found, for `docs/accuracy.md`.

use std::{fs, ops::RangeInclusive};

use crate::harness::Between;

/// Says how far a metric was off, and fails when it is outside of what the truth allows: what was counted just before and
/// just after the exporter was read leaves a range.
#[track_caller]
pub(crate) fn within(metric: &str, source: &str, counted: u64, truth: RangeInclusive<u64>) {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs");
    let off = match counted {
        _ if counted < *truth.start() => truth.start() - counted,
        _ => counted.saturating_sub(*truth.end()),
    };
    // The page is a table.
    let metric = metric.replace('|', " or ");
    println!(
        "ACCURACY | {} | {metric} | {source} | {counted} | {}..={} | {off} |",
        kernel.trim(),
        truth.start(),
        truth.end()
    );
    assert!(truth.contains(&counted), "{metric}: {counted}, by {source} {truth:?}");
}

/// Runs of a family's programs that the kernel skipped, as from Linux 6.2 on it does when one that is interrupted or
/// preempted meets itself on its CPU. They are few, and what they would have counted is missing.
#[track_caller]
pub(crate) fn skipped(between: &Between, family: &str) -> u64 {
    let skipped = between.count("kernel_exporter_program_recursion_misses_total", &[("family", family)]);
    let runs = between.count("kernel_exporter_program_runs_total", &[("family", family)]);
    assert!(skipped <= 1 + runs / 100, "{skipped} of {runs} runs were skipped");
    skipped
}
