//! Two scrapers, one four times as often as the other.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use crate::{
    forms::{By, Subject},
    harness::*,
    nest::Nest,
    seen::Seen,
};

/// Sixty seconds, and with it all other times, take two here.
const MINUTE: Duration = Duration::from_secs(2);
const CONTAINERS: u64 = 40;

/// Three seconds.
const LIFE: Duration = MINUTE.checked_div(20).expect("not zero");

/// What scrapers and containers share.
#[derive(Default)]
struct Stage {
    is_over: AtomicBool,
    /// Held while somebody scrapes, and while a container begins: a process that is read on its way into its
    /// cgroup was something else before.
    quiet: Mutex<()>,
}

/// Scrapes from its own address, as often as asked, until it is told that all is over and has then come
/// twice more.
fn scrape_all(exporter: SocketAddr, from: Ipv4Addr, interval: Duration, stage: &Stage) -> Seen {
    let mut seen = Seen::default();
    let mut last_ones = 0;
    while last_ones < 2 {
        let begin = Instant::now();
        last_ones += u32::from(stage.is_over.load(Ordering::SeqCst));
        let quiet = stage.quiet.lock().expect("no panic");
        seen.take(&scrape_from(exporter, from));
        drop(quiet);
        thread::sleep(interval.saturating_sub(begin.elapsed()));
    }
    seen
}

fn scrape_from(exporter: SocketAddr, from: Ipv4Addr) -> Scrape {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::new(IpAddr::V4(from), 0).into()).expect("all of 127.0.0.0/8 is loopback");
    socket.connect(&exporter.into()).expect("it listens");
    let mut stream = std::net::TcpStream::from(socket);
    let request = "GET /metrics HTTP/1.0\r\nHost: exporter\r\nUser-Agent: Prometheus\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("UTF-8");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.0 200 "), "{head}");
    Scrape::parse(body)
}

/// Containers that live for three seconds, one after the other: whoever scrapes once a minute has seen the
/// last value of each in the end, and so has whoever comes every fifteen seconds and doesn't wait for the other.
#[test]
fn both_scrapers_see_the_last_value_of_every_container() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("limits: {slots: 256, linger: 20s}\nkubernetes: {source: off}\n");
    let mut nest = Nest::default();
    let stage = Stage::default();
    let address = exporter.address;
    let scraper = |last: u8, interval: Duration| {
        let stage = &stage;
        move || scrape_all(address, Ipv4Addr::new(127, 0, 0, last), interval, stage)
    };
    let (truth, seen) = thread::scope(|scope| {
        let scrapers = [scope.spawn(scraper(1, MINUTE / 4)), scope.spawn(scraper(2, MINUTE))];
        let subjects = (0..CONTAINERS).map(|number| Subject::new(4000 * 15 + number));
        let truth: Vec<(Subject, Counts)> = subjects
            .map(|subject| {
                let cgroup = nest.make(&subject.path);
                let quiet = stage.quiet.lock().expect("no panic");
                let mut worker = Worker::spawn("identity", &cgroup, || {}, |_| thread::sleep(LIFE));
                drop(quiet);
                worker.work();
                (subject, worker.end())
            })
            .collect();
        stage.is_over.store(true, Ordering::SeqCst);
        (truth, scrapers.map(|scraper| scraper.join().expect("no panic")))
    });
    for (scraper, seen) in ["every 15 s", "every 60 s"].iter().zip(&seen) {
        let of = |kind| {
            seen.by_identity("process_context_switches_total", &[("process_context_switch_type", kind)])
        };
        let (voluntary, involuntary) = (of("voluntary"), of("involuntary"));
        let cpu = seen.by_identity("process_cpu_time_seconds_total", &[]);
        for (subject, truth) in &truth {
            let who = subject.identity(By::Container, false);
            let counted =
                [&voluntary, &involuntary].map(|sums| sums.get(&who).copied().unwrap_or_default() as u64);
            assert_eq!(counted, [truth.voluntary, truth.involuntary], "{scraper}: {who:?}");
            let ns = cpu.get(&who).copied().unwrap_or_default() * 1e9;
            assert!((ns - truth.cpu_ns as f64).abs() < 1000.0, "{scraper}: {ns} ns, in truth {truth:?}");
        }
    }
    // They could not have seen it so if each had not been waited for. A third, which looked whether the exporter had started,
    // never comes again: it is waited for as long as `linger` says, and not longer.
    wait_for("the series of dead containers end", || {
        [1, 2].iter().all(|last| {
            let mut now = Seen::default();
            now.take(&scrape_from(address, Ipv4Addr::new(127, 0, 0, *last)));
            now.identities().is_empty()
        })
    });
}
