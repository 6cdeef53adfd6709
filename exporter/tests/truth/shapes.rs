//! The verifier sees each config's constants, and so another program for each.

use std::collections::BTreeSet;

use crate::harness::*;

/// What decides which parts of a program are left, and in which collectors.
const SHAPES: [&str; 5] = [
    "scheduler: {DETAIL, BY}, block_io: {DETAIL, BY}, tcp: {DETAIL, BY, round_trips: true}, \
     memory: {BY, page_cache: true}, interrupts: {per_cpu: true}, lifecycle: {DETAIL, BY}, \
     syscalls: {enabled: true, DETAIL, BY}, filesystem: {enabled: true, DETAIL, BY, mounts: true}",
    "scheduler: {DETAIL, BY}, stalls: {enabled: false}, process: {enabled: false}",
    "scheduler: {DETAIL, BY}, stalls: {enabled: false}",
    "scheduler: {enabled: false}, stalls: {BY}, process: {enabled: false}, memory: {BY, major_fault_latency: true}",
    "scheduler: {enabled: false}, stalls: {enabled: false}",
];

/// Detail and owner, as they go with each other. In a VM, where a start takes seconds, those are left out that other tests have.
const FORMS: [(&str, &str); 4] = [
    ("detail: histograms", "by: none"),
    ("detail: counters", "by: cgroup"),
    ("detail: histograms", "by: cgroup"),
    ("detail: counters", "by: none"),
];

#[test]
fn the_verifier_accepts_every_shape_of_every_program() {
    let Some(_turn) = turn() else { return };
    let forms = if in_vm() { &FORMS[..2] } else { &FORMS[..] };
    let shaped = |shape: &'static str| {
        forms.iter().map(move |(detail, by)| shape.replace("DETAIL", detail).replace("BY", by))
    };
    // Not all of them have all the keys.
    let all: BTreeSet<_> = SHAPES.into_iter().flat_map(shaped).collect();
    for shape in all {
        let scrape = Exporter::start(&format!("collectors: {{{shape}}}")).scrape();
        let refused = [("reason", "kernel_refused")];
        let whole = scrape.sum("kernel_exporter_collector_reason", &refused);
        let parts = scrape.sum("kernel_exporter_collector_missing_info", &refused);
        assert_eq!((whole, parts), (0, 0), "refused with {shape}");
    }
}
