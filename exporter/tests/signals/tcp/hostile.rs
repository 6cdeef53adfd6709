//! Many connections, and more than are remembered.

use kernel_exporter::kernel::host::Hierarchy;

use super::{net::*, *};

const MANY: u64 = 10_000;

/// Exact, and nothing is remembered of any of them.
#[test]
fn ten_thousand_short_connections_are_counted() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(&CONFIG.replace("by: cgroup", "by: cgroup, connections: 64"));
    let mut worker = worker(&cgroup, |job| {
        counted(job, || {
            let listener = listen("127.0.0.1:0");
            for number in 0..MANY {
                let pair = connect(&listener);
                if number % 2 == 0 {
                    reset(pair.here);
                }
            }
        });
    });
    let (between, ()) = exporter.during(|| worker.work());
    let of = |name, labels: &[(&str, &str)]| {
        let labels: Vec<_> = [("cgroup", &*cgroup.path)].into_iter().chain(labels.iter().copied()).collect();
        between.count(name, &labels)
    };
    assert_eq!(kernel_count(&worker, "ActiveOpens"), MANY);
    for how in ["active", "passive"] {
        let metric = format!("{OPENS}{{open_type=\"{how}\"}}");
        exactly(&between, &metric, "10,000 connections", of(OPENS, &[("open_type", how)]), MANY);
    }
    exactly(&between, CLOSES, "10,000 connections", of(CLOSES, &[]), 2 * MANY);
    exactly(&between, CONNECTS, "10,000 connections", of(CONNECTS, &[]), MANY);
    // If a place were kept, there would soon be none.
    assert_eq!(noted(&between, "connection_forgotten"), 0);
    assert_eq!(noted(&between, "end_missed"), 0);
}

/// What finds no place is not measured, but counted: whose it is the kernel knows with cgroup v2.
#[test]
fn more_connections_than_are_remembered_are_counted() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(&CONFIG.replace("by: cgroup", "by: cgroup, connections: 64"));
    let mut worker = worker(&cgroup, |job| {
        counted(job, || {
            let listener = listen("127.0.0.1:0");
            let pairs: Vec<_> = (0..100).map(|_| connect(&listener)).collect();
            drop(pairs);
        });
    });
    let (between, ()) = exporter.during(|| worker.work());
    assert_eq!(kernel_count(&worker, "ActiveOpens"), 100);
    let of = |name, labels: &[(&str, &str)]| {
        let labels: Vec<_> = [("cgroup", &*cgroup.path)].into_iter().chain(labels.iter().copied()).collect();
        between.count(name, &labels)
    };
    for how in ["active", "passive"] {
        let metric = format!("{OPENS}{{open_type=\"{how}\"}}");
        exactly(
            &between,
            &metric,
            "100 connections, not all remembered",
            of(OPENS, &[("open_type", how)]),
            100,
        );
    }
    let is_v2 = Hierarchy::of_this_host().expect("cgroups are there").id == 0;
    let nobodys = |scrape: &Scrape| -> u64 {
        let series =
            scrape.series(CLOSES, &[]).filter(|(labels, _)| labels["cgroup"] == "(all other cgroups)");
        series.map(|(_, value)| value as u64).sum()
    };
    // With cgroup v1 what was forgotten is nobody's, as are others' connections that are older than the exporter.
    let (closes, nobodys) = (of(CLOSES, &[]), nobodys(&between.after) - nobodys(&between.before));
    assert!(closes <= 200 && closes + nobodys >= 200, "{closes} of the worker's, {nobodys} of nobody's");
    assert!(!is_v2 || closes == 200, "{closes}");
    let lifetimes = of("kernel_tcp_connection_duration_seconds_count", &[]);
    let forgotten = noted(&between, "connection_forgotten");
    assert!((200 - 128..=200 - 64).contains(&forgotten), "{forgotten} had no place");
    within(
        "kernel_tcp_connection_duration_seconds_count",
        "200 ends less those forgotten",
        lifetimes,
        200 - forgotten - 8..=200 - forgotten + 8,
    );
}
