//! Connections, against what the kernel counts in a network namespace of the test's own, and what the test itself knows.

mod connects;
mod each_round_trip;
mod hostile;
mod lifetimes;
mod listeners;
mod net;
mod retransmits;
mod round_trips;
mod shaping;

use crate::{
    accuracy::{skipped, within},
    harness::*,
};

/// Only this collector, so that the others' programs do not disturb.
const CONFIG: &str = "collectors: {tcp: {by: cgroup}}\n";

const OPENS: &str = "kernel_tcp_opens_total";
const CLOSES: &str = "kernel_tcp_closes_total";
const RESETS: &str = "kernel_tcp_resets_total";
const BYTES: &str = "kernel_tcp_io_bytes_total";
const CONNECTS: &str = "kernel_tcp_connect_duration_seconds_count";

/// A worker in a cgroup and a network of its own.
fn worker(cgroup: &Cgroup, work: impl FnMut(&Job)) -> Worker {
    Worker::spawn("tcp", cgroup, net::enter_own_network, work)
}

/// What the exporter's programs have noted of this kind.
fn noted(between: &Between, kind: &str) -> u64 {
    between.count("kernel_exporter_failures_total", &[("family", "tcp"), ("kind", kind)])
}

/// Exact, but for what the kernel did not show.
#[track_caller]
fn exactly(between: &Between, metric: &str, source: &str, counted: u64, truth: u64) {
    within(metric, source, counted, truth.saturating_sub(skipped(between, "tcp"))..=truth);
}
