//! How connects go, and what connections carry.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use super::{net::*, *};

const ORDERLY: u64 = 200;
const RESET: u64 = 30;
const REFUSED: u64 = 50;

/// Sends this much one way, and twice as much the other.
fn talk(pair: &mut Pair, bytes: usize) {
    let mut read = vec![0; 2 * bytes];
    pair.here
        .write_all(&vec![1; bytes])
        .and_then(|()| pair.there.read_exact(&mut read[..bytes]))
        .expect("sent");
    pair.there.write_all(&vec![2; 2 * bytes]).and_then(|()| pair.here.read_exact(&mut read)).expect("sent");
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    listen("127.0.0.1:0").local_addr().expect("bound")
}

#[test]
fn connections_are_as_many_as_the_kernel_counts() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(CONFIG);
    let mut worker = worker(&cgroup, |job| {
        counted(job, || {
            for address in ["127.0.0.1:0", "[::1]:0"] {
                let listener = listen(address);
                for _ in 0..ORDERLY / 2 {
                    talk(&mut connect(&listener), 1000);
                }
                for _ in 0..RESET / 2 {
                    reset(connect(&listener).here);
                }
            }
            let nobody = nobody();
            for _ in 0..REFUSED {
                assert!(std::net::TcpStream::connect(nobody).is_err());
            }
        });
    });
    let host = Counters::of("1");
    let (between, ()) = exporter.during(|| worker.work());
    let host_resets = Counters::of("1").since(&host, "OutRsts");
    let of = |name, labels: &[(&str, &str)]| {
        let labels: Vec<_> = [("cgroup", &*cgroup.path)].into_iter().chain(labels.iter().copied()).collect();
        between.count(name, &labels)
    };
    let kernel = |name| kernel_count(&worker, name);
    let exactly =
        |metric: &str, source: &str, counted, truth| exactly(&between, metric, source, counted, truth);
    let snmp = "/proc/net/snmp";
    exactly(
        "kernel_tcp_opens_total{open_type=\"active\"}",
        snmp,
        of(OPENS, &[("open_type", "active")]),
        kernel("ActiveOpens"),
    );
    exactly(
        "kernel_tcp_opens_total{open_type=\"passive\"}",
        snmp,
        of(OPENS, &[("open_type", "passive")]),
        kernel("PassiveOpens"),
    );
    assert_eq!(kernel("ActiveOpens"), ORDERLY + RESET + REFUSED, "the test opens as many");
    let at_once = of(CLOSES, &[("network_connection_state", "established")])
        + of(CLOSES, &[("network_connection_state", "close_wait")]);
    exactly(
        "kernel_tcp_closes_total{network_connection_state=~\"established|close_wait\"}",
        snmp,
        at_once,
        kernel("EstabResets"),
    );
    exactly(CLOSES, "the test", of(CLOSES, &[]), 2 * (ORDERLY + RESET));
    exactly(
        "kernel_tcp_connect_duration_seconds_count{outcome=\"established\"}",
        "the test",
        of(CONNECTS, &[("outcome", "established"), ("scope", "loopback")]),
        ORDERLY + RESET,
    );
    exactly(
        "kernel_tcp_connect_duration_seconds_count{outcome=\"refused\"}",
        "the test",
        of(CONNECTS, &[("outcome", "refused")]),
        REFUSED,
    );
    assert_eq!(of(CONNECTS, &[]), ORDERLY + RESET + REFUSED, "no other outcome");
    exactly(
        "kernel_tcp_connection_duration_seconds_count",
        "the test",
        of("kernel_tcp_connection_duration_seconds_count", &[]),
        2 * (ORDERLY + RESET),
    );
    for way in ["transmit", "receive"] {
        exactly(
            &format!("{BYTES}{{network_io_direction=\"{way}\"}}"),
            "the test",
            of(BYTES, &[("network_io_direction", way)]),
            ORDERLY * 3000,
        );
    }
    exactly(
        "kernel_tcp_resets_total{network_io_direction=\"receive\"}",
        "the test",
        of(RESETS, &[("network_io_direction", "receive")]),
        RESET + REFUSED,
    );
    // Refusals are nobody's, and before 6.10 the kernel does not tell of them.
    assert_eq!(of(RESETS, &[("network_io_direction", "transmit")]), RESET, "resets of the worker's sockets");
    if is_told_of_all_resets() {
        let all = between.count(RESETS, &[("network_io_direction", "transmit")]);
        within(
            "kernel_tcp_resets_total{network_io_direction=\"transmit\"}",
            snmp,
            all,
            kernel("OutRsts")..=kernel("OutRsts") + host_resets,
        );
    }
    for note in ["connection_forgotten", "listener_forgotten", "end_missed"] {
        assert_eq!(noted(&between, note), 0, "{note}");
    }
}

/// Whether the kernel tells why it sends a reset: only then it tells of all.
fn is_told_of_all_resets() -> bool {
    let btf = kernel_exporter::kernel::btf::Btf::of_running_kernel().expect("BTF is there");
    btf.tracepoint("tcp_send_reset").is_some_and(|types| types.len() > 2)
}

/// What never comes about is told by its reason.
#[test]
fn connects_fail_for_reasons() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(CONFIG);
    let mut worker = worker(&cgroup, |_| {
        let (silent, full) = (listen("127.0.0.1:0"), listen("127.0.0.1:0"));
        be_deaf(&silent, true);
        let to = silent.local_addr().expect("bound");
        // The kernel looks at its timeout when it would send the first packet again, after a second.
        let waiting: Vec<_> = (0..5)
            .map(|_| begin_to_connect(to, |socket| set_option(socket, libc::TCP_USER_TIMEOUT, 500)))
            .collect();
        for _ in 0..7 {
            drop(begin_to_connect(to, |_| {}));
        }
        for socket in waiting {
            assert_eq!(end_of_connect(&socket), libc::ETIMEDOUT);
        }
        no_port_is_free(&full, 3);
        wait_until_closed();
    });
    let (between, ()) = exporter.during(|| worker.work());
    let of = |outcome| between.count(CONNECTS, &[("cgroup", &cgroup.path), ("outcome", outcome)]);
    for (outcome, times) in [("timed_out", 5), ("closed", 7), ("not_sent", 3)] {
        let metric = format!("kernel_tcp_connect_duration_seconds_count{{outcome=\"{outcome}\"}}");
        exactly(&between, &metric, "the test", of(outcome), times);
    }
    let labels = [("cgroup", &*cgroup.path), ("outcome", "timed_out")];
    let waited = between.nanoseconds("kernel_tcp_connect_duration_seconds_sum", &labels);
    // An emulated CPU is late.
    assert!((5 * 900_000_000..5 * 5_000_000_000).contains(&waited), "{waited} ns for 5 timeouts");
}

/// Connects in vain so many times, since the only port is taken.
fn no_port_is_free(listener: &TcpListener, times: u32) {
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "61000 61000").expect("root may set it");
    let to = listener.local_addr().expect("bound");
    let only = connect(listener);
    for _ in 0..times {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let error = socket.connect_timeout(&to.into(), Duration::from_secs(5)).expect_err("no port is free");
        assert_eq!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL), "{error}");
    }
    only.here.shutdown(Shutdown::Both).expect("connected");
}

/// In a VM there is a network in which nobody answers for most addresses.
#[test]
fn a_host_that_is_not_there_is_unreachable() {
    let Some(_turn) = turn() else { return };
    if !in_vm() {
        return; // another test has what can be had on loopback
    }
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(CONFIG);
    let mut worker = Worker::spawn(
        "tcp",
        &cgroup,
        || {},
        |_| {
            let socket = begin_to_connect(SocketAddr::from(([10, 0, 2, 99], 80)), |_| {});
            assert_eq!(end_of_connect(&socket), libc::EHOSTUNREACH);
        },
    );
    let (between, ()) = exporter.during(|| worker.work());
    let labels = [("cgroup", &*cgroup.path), ("outcome", "host_unreachable"), ("scope", "network")];
    let all: Vec<_> = between.after.series(CONNECTS, &[]).collect();
    assert_eq!(between.count(CONNECTS, &labels), 1, "{all:?}, {} missed", noted(&between, "end_missed"));
}
