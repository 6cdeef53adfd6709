//! How long connections live, against the clock of the test.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use super::{net::*, *};

const CONNECTIONS: usize = 20;
const LIFETIME: &str = "kernel_tcp_connection_duration_seconds_sum";

#[test]
fn lifetimes_are_those_of_the_clock() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(CONFIG);
    let mut worker = worker(&cgroup, |job| {
        let listener = listen("127.0.0.1:0");
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let before = Instant::now();
            let pair = connect(&listener);
            connections.push((before, pair, Instant::now()));
            sleep(Duration::from_millis(15));
        }
        let mut least = 0;
        let mut begins = Vec::new();
        for (before, pair, after) in connections {
            least += after.elapsed().as_nanos() as u64;
            reset(pair.here);
            begins.push(before);
        }
        wait_until_closed();
        let most: u64 = begins.iter().map(|before| before.elapsed().as_nanos() as u64).sum();
        // Both ends live as long.
        job.set(0, 2 * least);
        job.set(1, 2 * most);
    });
    let (between, ()) = exporter.during(|| worker.work());
    let lived = between.nanoseconds(LIFETIME, &[("cgroup", &cgroup.path)]);
    within(LIFETIME, "the test's clock, in ns", lived, worker.get(0)..=worker.get(1));
}
