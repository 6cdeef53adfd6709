//! Round-trip times, against what the kernel tells programs of their sockets.

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use super::{net::*, *};

const SUM: &str = "kernel_tcp_rtt_seconds_sum";
const COUNT: &str = "kernel_tcp_rtt_seconds_count";
const CONNECTIONS: u64 = 20;

/// What both ends say just before a reset ends both, after some requests and answers.
fn talk_and_reset(listener: &std::net::TcpListener) -> u64 {
    let mut pair = connect(listener);
    for _ in 0..5 {
        let mut byte = [0];
        pair.here.write_all(&byte).and_then(|()| pair.there.read_exact(&mut byte)).expect("sent");
        pair.there.write_all(&byte).and_then(|()| pair.here.read_exact(&mut byte)).expect("sent");
    }
    wait_for("all is acknowledged", || {
        [&pair.here, &pair.there].into_iter().all(|end| info(end).tcpi_unacked == 0)
    });
    let both = [&pair.here, &pair.there].into_iter().map(|end| u64::from(info(end).tcpi_rtt)).sum();
    reset(pair.here);
    let error = pair.there.read(&mut [0]).expect_err("the reset comes");
    assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET), "{error}");
    both
}

fn compare(delay: Duration) {
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(CONFIG);
    let mut worker = worker(&cgroup, move |job| {
        if !delay.is_zero() && !shaping::shape_loopback(delay, 0.0) {
            return;
        }
        let listener = listen("127.0.0.1:0");
        let told: u64 = (0..CONNECTIONS).map(|_| talk_and_reset(&listener)).sum();
        wait_until_closed();
        job.set(0, told);
    });
    let (between, ()) = exporter.during(|| worker.work());
    let told = worker.get(0);
    if told == 0 {
        assert!(!std::path::Path::new("/sys/module/sch_netem").exists(), "netem is there");
        return; // the other test tells as much without delay
    }
    let labels = [("cgroup", &*cgroup.path), ("scope", "loopback")];
    within(
        COUNT,
        "two ends per connection",
        between.count(COUNT, &labels),
        2 * CONNECTIONS..=2 * CONNECTIONS,
    );
    // TCP_INFO has whole microseconds.
    let sum = between.nanoseconds(SUM, &labels);
    let source = format!("TCP_INFO, in ns, with a delay of {delay:?}");
    within(SUM, &source, sum, told * 1000..=told * 1000 + 2 * CONNECTIONS * 1000);
    let least = 2 * delay.as_nanos() as u64;
    assert!(sum >= 2 * CONNECTIONS * least, "{sum} ns for {CONNECTIONS} connections");
}

#[test]
fn round_trips_are_those_that_the_kernel_tells() {
    let Some(_turn) = turn() else { return };
    compare(Duration::ZERO);
}

#[test]
fn delays_are_seen() {
    let Some(_turn) = turn() else { return };
    compare(Duration::from_millis(20));
}
