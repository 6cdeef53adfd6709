//! Whatever the receiver does, what has arrived in the end is what happened, to the unit.

use std::time::Duration;

use kernel_exporter::config::{Protocol, Temporality};

use super::{
    bench::Bench,
    receiver::Answer::{self, *},
};

/// In every order of two, and some for longer.
const TROUBLE: [Answer; 22] = [
    Accept,
    Unavailable,
    Accept,
    RecordAndHang,
    Accept,
    Invalid,
    Accept,
    Hang,
    Unavailable,
    Accept,
    RecordAndHang,
    Unavailable,
    RecordAndHang,
    Accept,
    Invalid,
    Unavailable,
    Unavailable,
    Unavailable,
    Hang,
    Accept,
    Accept,
    Accept,
];

fn survives(protocol: Protocol, temporality: Temporality) {
    let mut bench = Bench::new(protocol, temporality);
    bench.shared.will(TROUBLE);
    let mut pushes = bench.push(|_| ());
    bench.shared.wait_for("the end of the trouble", |record| record.script.is_empty());
    bench.restart_service(Duration::from_millis(120));
    let before = bench.shared.lock().arrivals.len();
    bench.shared.wait_for("requests after the restart", |record| record.arrivals.len() > before + 5);
    let truth = bench.world.settle();
    assert!(truth.values().all(|total| *total > 100), "{truth:?}");
    bench.shared.wait_for("all that has happened", |record| record.totals() == truth);
    pushes.end();
    assert_eq!(bench.shared.lock().totals(), truth);
    assert!(pushes.total("failures_total") >= 10.0);
    assert_eq!(pushes.total("dropped_points_total"), 0.0);
    assert_eq!(pushes.total("queued_requests"), 0.0);
}

#[test]
fn cumulative_over_http() {
    survives(Protocol::Http, Temporality::Cumulative);
}

#[test]
fn cumulative_over_grpc() {
    survives(Protocol::Grpc, Temporality::Cumulative);
}

#[test]
fn delta_over_http() {
    survives(Protocol::Http, Temporality::Delta);
}

#[test]
fn delta_over_grpc() {
    survives(Protocol::Grpc, Temporality::Delta);
}

/// Histograms as deltas, counters cumulative.
#[test]
fn low_memory_over_http() {
    survives(Protocol::Http, Temporality::LowMemory);
}
