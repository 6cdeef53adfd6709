//! Each round trip, against what becomes of the smoothed one.
//!
//! The kernel keeps the smoothed time s in eighths of a microsecond, makes s + m − s/8 of it with each measured time m
//! (`tcp_rtt_estimator`, net/ipv4/tcp_input.c), and tells programs s/8 in whole microseconds. So what was measured sums to
//! what s grew by, which is known within eight, and what was told before each.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    time::Duration,
};

use super::{net::*, *};

const SUM: &str = "kernel_tcp_round_trip_duration_seconds_sum";
const COUNT: &str = "kernel_tcp_round_trip_duration_seconds_count";
const ROUND_TRIPS: u64 = 50;

/// The smoothed time as one end was told it, before each round trip and after the last.
#[derive(Default)]
struct Told(Vec<u64>);

impl Told {
    fn ask(&mut self, end: &std::net::TcpStream) {
        self.0.push(info(end).tcpi_rtt.into());
    }

    /// What was measured sums to this many microseconds, give or take eight.
    fn microseconds(&self) -> u64 {
        let (last, before) = self.0.split_last().expect("asked");
        assert_eq!(before.len() as u64, ROUND_TRIPS);
        before.iter().sum::<u64>() + 8 * last - 8 * before[0]
    }
}

/// Requests and answers of a byte each: what both ends' round trips sum to, in microseconds.
fn talk(listener: &TcpListener) -> u64 {
    let mut pair = connect(listener);
    let (mut here, mut there) = (Told::default(), Told::default());
    for _ in 0..ROUND_TRIPS {
        let mut byte = [0];
        here.ask(&pair.here);
        pair.here.write_all(&byte).and_then(|()| pair.there.read_exact(&mut byte)).expect("sent");
        // The request has acknowledged the answer before.
        there.ask(&pair.there);
        pair.there.write_all(&byte).and_then(|()| pair.here.read_exact(&mut byte)).expect("sent");
    }
    wait_for("all is acknowledged", || info(&pair.there).tcpi_unacked == 0);
    here.ask(&pair.here);
    there.ask(&pair.there);
    // An orderly end would be acknowledged, and so measured.
    reset(pair.here);
    here.microseconds() + there.microseconds()
}

fn compare(delay: Duration) {
    let cgroup = Cgroup::make("tcp");
    let config = CONFIG.replace("by: cgroup", "by: cgroup, round_trips: true");
    // Another one asks for the same, and neither takes it from the other.
    let (exporter, other) = (Exporter::start(&config), Exporter::start(&config));
    let mut worker = worker(&cgroup, move |job| {
        if delay.is_zero() || shaping::shape_loopback(delay, 0.0) {
            job.set(0, talk(&listen("127.0.0.1:0")));
        }
    });
    let (others, (between, ())) = other.during(|| exporter.during(|| worker.work()));
    let told = worker.get(0);
    if told == 0 {
        assert!(!std::path::Path::new("/sys/module/sch_netem").exists(), "netem is there");
        return; // the other test tells as much without delay
    }
    let labels = [("cgroup", &*cgroup.path), ("scope", "loopback")];
    for between in [&between, &others] {
        exactly(
            between,
            COUNT,
            "answers and acknowledgements",
            between.count(COUNT, &labels),
            2 * ROUND_TRIPS,
        );
        let source = format!("TCP_INFO, in ns, with a delay of {delay:?}");
        let sum = between.nanoseconds(SUM, &labels);
        within(SUM, &source, sum, (told - 16) * 1000..=(told + 16) * 1000);
        let least = 2 * delay.as_nanos() as u64;
        assert!(sum >= 2 * ROUND_TRIPS * least, "{sum} ns for {ROUND_TRIPS} round trips of both ends");
    }
}

#[test]
fn each_round_trip_is_measured() {
    let Some(_turn) = turn() else { return };
    compare(Duration::ZERO);
}

#[test]
fn each_is_as_long_as_its_delay() {
    let Some(_turn) = turn() else { return };
    compare(Duration::from_millis(5));
}
