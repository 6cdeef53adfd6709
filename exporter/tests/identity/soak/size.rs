//! What must not grow.

use std::fs;

use crate::harness::*;

/// What one exporter takes up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Memory that is the exporter's own: neither files nor maps of the kernel's.
    heap: u64,
    /// What the kernel charges for the exporter's maps.
    maps: u64,
    /// Label sets that are shown, dead ones included.
    label_sets: u64,
    pub(super) slots: u64,
    pub(super) descriptors: usize,
    pub(super) threads: usize,
}

impl Size {
    pub(super) fn of(exporter: &Exporter, scrape: &Scrape) -> Self {
        let pid = exporter.pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("since Linux 4.5");
        let entries = |folder| fs::read_dir(format!("/proc/{pid}/{folder}")).expect("it lives").count();
        Self {
            heap: line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10,
            maps: maps_of(pid),
            label_sets: scrape.sum("kernel_exporter_label_sets", &[("state", "shown")]),
            slots: scrape.sum("kernel_exporter_slots_used", &[("family", "sched")]),
            descriptors: entries("fd"),
            threads: entries("task"),
        }
    }

    /// No more than that, but for so many bytes of heap and so many times as many label sets.
    pub(super) fn assert_no_more_than(&self, early: &Self, heap: u64, label_sets: f64) {
        assert_eq!(self.maps, early.maps, "the kernel's memory grew");
        assert!(self.heap < early.heap + heap, "the heap grew: {early:?}, then {self:?}");
        let most = early.label_sets as f64 * label_sets;
        assert!(self.label_sets as f64 <= most, "label sets grew: {early:?}, then {self:?}");
    }
}

/// Kernel memory of the maps to which a process has descriptors.
fn maps_of(pid: libc::pid_t) -> u64 {
    let folder = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("it lives").flatten();
    let about = folder.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    about
        .filter(|about| about.contains("map_id:"))
        .filter_map(|about| {
            about.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse::<u64>().ok())
        })
        .sum()
}
