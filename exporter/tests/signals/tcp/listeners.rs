//! Whose connections that come in are, and what listeners refuse.

use super::{net::*, *};

/// Whoever listens has the connections, also those that others take.
#[test]
fn connections_that_come_in_are_the_listeners() {
    let Some(_turn) = turn() else { return };
    let (servers, clients) = (Cgroup::make("tcp-servers"), Cgroup::make("tcp-clients"));
    let exporter = Exporter::start(CONFIG);
    let mut server = Worker::spawn("tcp-server", &servers, enter_own_network, move |job| {
        let listener = listen("127.0.0.1:0");
        job.set(1, std::process::id().into());
        job.set(0, listener.local_addr().expect("bound").port().into());
        for _ in 0..50 {
            listener.accept().expect("a client connects");
        }
    });
    let (between, ()) = exporter.during(|| {
        server.start();
        wait_for("the server listens", || server.get(0) != 0);
        let (port, pid) = (server.get(0) as u16, server.get(1));
        let mut client = Worker::spawn(
            "tcp-client",
            &clients,
            move || enter_network_of(pid),
            move |_| {
                for _ in 0..50 {
                    std::net::TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
                }
                wait_until_closed();
            },
        );
        client.work();
        server.finish();
    });
    for (cgroup, how) in [(&servers, "passive"), (&clients, "active")] {
        let opens = between.count(OPENS, &[("cgroup", &cgroup.path), ("open_type", how)]);
        exactly(&between, &format!("{OPENS}{{open_type=\"{how}\"}}"), "the test, by cgroup", opens, 50);
        assert_eq!(between.count(OPENS, &[("cgroup", &cgroup.path)]), opens, "no other opens");
        exactly(
            &between,
            CLOSES,
            "the test, by cgroup",
            between.count(CLOSES, &[("cgroup", &cgroup.path)]),
            50,
        );
    }
}

/// A queue that nobody takes connections from refuses more of them.
#[test]
fn overflows_are_as_many_as_the_kernel_counts() {
    const OVERFLOWS: &str = "kernel_tcp_listen_overflows_total";
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(CONFIG);
    let mut worker = worker(&cgroup, |job| {
        counted(job, || {
            let listener = listen_for(1);
            let to = listener.local_addr().expect("bound");
            let taken: Vec<_> =
                (0..2).map(|_| std::net::TcpStream::connect(to).expect("there is room")).collect();
            drop((0..20).map(|_| begin_to_connect(to, |_| {})).collect::<Vec<_>>());
            drop(taken);
        });
    });
    let (between, ()) = exporter.during(|| worker.work());
    let kernel = kernel_count(&worker, "ListenOverflows");
    assert_eq!(kernel, 20, "the test makes as many");
    let missing = between.after.series("kernel_exporter_collector_missing_info", &[("collector", "tcp")]);
    let missing = missing.filter(|(labels, _)| labels["lost"].starts_with("requests")).count() == 1;
    let counted = between.count(OVERFLOWS, &[("cgroup", &cgroup.path), ("segment", "syn")]);
    if missing {
        assert!(!in_vm(), "kernels in VMs allow programs at the entries of functions");
        assert_eq!(between.after.series(OVERFLOWS, &[]).count(), 0, "absent, not zero");
    } else {
        exactly(&between, OVERFLOWS, "/proc/net/netstat", counted, kernel);
    }
}

/// The host's own network has its counters read, whatever programs the kernel allows.
#[test]
fn overflows_of_the_host_are_those_of_the_kernel() {
    const OVERFLOWS: &str = "kernel_tcp_host_listen_overflows_total";
    const DROPS: &str = "kernel_tcp_host_listen_drops_total";
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let before = Counters::of("1");
    let (between, ()) = exporter.during(|| {
        let listener = listen_for(1);
        let to = listener.local_addr().expect("bound");
        let _taken: Vec<_> =
            (0..2).map(|_| std::net::TcpStream::connect(to).expect("there is room")).collect();
        drop((0..5).map(|_| begin_to_connect(to, |_| {})).collect::<Vec<_>>());
    });
    let after = Counters::of("1");
    for (metric, name) in [(OVERFLOWS, "ListenOverflows"), (DROPS, "ListenDrops")] {
        within(metric, "/proc/1/net/netstat", between.count(metric, &[]), 5..=after.since(&before, name));
    }
}
