//! Hook family `memory`, for the collector of that name.
//!
//! A task that needs memory makes room itself when there is none, so the current task is always the one that waits; but
//! for victims of the OOM killer, which another task chooses.
#![no_std]
#![no_main]

mod fields;
mod maps;
mod oom;
mod page_cache;
mod pending;
mod stall;

use exporter_ebpf::rows::{Cpu, current_cgroup};

exporter_ebpf::rows!();

/// Adds to a histogram of the current task's cgroup.
#[inline(always)]
fn observe(cpu: Cpu, series: u32, attribute: u32, nanoseconds: u64) {
    cpu.observe(series, attribute, current_cgroup(), nanoseconds);
}
