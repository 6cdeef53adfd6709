//! What the protocol asks of those who send.

use std::{
    thread,
    time::{Duration, Instant},
};

use kernel_exporter::{
    catalogue::keys,
    config::{Compression, Protocol, Temporality},
    snapshot::Value,
};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point};

use super::{
    bench::{Bench, TIMEOUT},
    receiver::Answer,
    world::CPU,
};

const BOTH: [Protocol; 2] = [Protocol::Http, Protocol::Grpc];

/// The same snapshot gives the same numbers by scrape and by push.
#[test]
fn a_push_says_what_a_scrape_says() {
    for protocol in BOTH {
        let bench = Bench::new(protocol, Temporality::Cumulative);
        let pushes = bench.push(|_| ());
        bench.shared.wait_for("some pushes", |record| record.arrivals.len() > 10);
        let truth = bench.world.settle();
        bench.shared.wait_for("all that has happened", |record| record.totals() == truth);
        let settled = bench.shared.lock().arrivals.len();
        bench.shared.wait_for("another push", |record| record.arrivals.len() > settled + 1);
        let snapshot = pushes.runtime.block_on(pushes.hub.fresh());
        let family = snapshot.families.iter().find(|family| family.metric == &CPU).expect("a family");
        let mut scraped: Vec<u64> = family
            .series
            .iter()
            .map(|series| match series.value {
                Value::Counter(value) => value,
                _ => panic!("no counter"),
            })
            .collect();
        let record = bench.shared.lock();
        let metrics = &record.latest.resource_metrics[0].scope_metrics[0].metrics;
        let metric = metrics.iter().find(|metric| metric.name == CPU.name).expect("a metric");
        let Some(Data::Sum(sum)) = &metric.data else { panic!("no sum") };
        let mut pushed: Vec<u64> = sum
            .data_points
            .iter()
            .filter(|point| point.flags == 0)
            .map(|point| match point.value {
                Some(number_data_point::Value::AsDouble(seconds)) => (seconds * 1e9).round() as u64,
                other => panic!("no seconds: {other:?}"),
            })
            .collect();
        scraped.sort_unstable();
        pushed.sort_unstable();
        assert_eq!(pushed, scraped);
        assert!(
            metrics.iter().any(|metric| metric.name == "kernel_exporter_reads"),
            "its own metrics go along"
        );
    }
}

#[test]
fn headers_are_those_of_the_protocol_and_the_config() {
    for protocol in BOTH {
        for compression in [Compression::Gzip, Compression::None] {
            let bench = Bench::new(protocol, Temporality::Cumulative);
            let _pushes = bench.push(|endpoint| {
                endpoint.compression = compression;
                endpoint.headers.add("authorization", "Bearer 0123").expect("valid");
            });
            bench.shared.wait_for("a push", |record| !record.totals().is_empty());
            let record = bench.shared.lock();
            let header = |name: &str| record.headers.get(name).map(String::as_str);
            let gzip = (compression == Compression::Gzip).then_some("gzip");
            assert_eq!(header("authorization"), Some("Bearer 0123"));
            match protocol {
                Protocol::Http => {
                    assert_eq!(header(":path"), Some("/v1/metrics"));
                    assert_eq!(header("content-type"), Some("application/x-protobuf"));
                    assert_eq!(header("content-encoding"), gzip);
                    assert!(header("user-agent").is_some_and(|agent| agent.starts_with("kernel-exporter/")));
                }
                Protocol::Grpc => assert_eq!(header("content-type"), Some("application/grpc")),
            }
        }
    }
}

#[test]
fn a_series_that_ends_says_so_once() {
    for protocol in BOTH {
        let bench = Bench::new(protocol, Temporality::Cumulative);
        let mut pushes = bench.push(|_| ());
        bench.shared.wait_for("some series", |record| record.arrivals.len() > 5);
        bench.world.settle();
        let settled = bench.shared.lock().arrivals.len();
        bench.shared.wait_for("the dead to be gone", |record| record.arrivals.len() > settled + 4);
        let living = pushes.runtime.block_on(pushes.hub.fresh());
        bench.shared.lock().ended.clear();
        bench.world.die_out();
        pushes.wait_for("an empty snapshot", |pushes| {
            pushes.runtime.block_on(pushes.hub.fresh()).families.is_empty()
        });
        pushes.end();
        let mut expected: Vec<_> = living
            .families
            .iter()
            .flat_map(|family| family.series.iter().map(|series| (family.metric.name.to_owned(), series)))
            .map(|(name, series)| (name, series.labels.get(&keys::COMMAND).unwrap_or_default().to_owned()))
            .map(|(name, command)| (name, format!("process.command={command}")))
            .collect();
        let mut ended = bench.shared.lock().ended.clone();
        expected.sort();
        ended.sort();
        assert!(expected.len() > 4);
        assert_eq!(ended, expected);
    }
}

#[test]
fn retries_wait_as_long_as_they_are_asked_to() {
    for protocol in BOTH {
        let bench = Bench::new(protocol, Temporality::Cumulative);
        bench.shared.will([Answer::UnavailableForASecond]);
        let _pushes = bench.push(|_| ());
        bench.shared.wait_for("two requests", |record| record.arrivals.len() >= 2);
        let record = bench.shared.lock();
        let waited = record.arrivals[1].0 - record.arrivals[0].0;
        assert!(waited >= Duration::from_secs(1), "{protocol:?}: {waited:?}");
    }
}

#[test]
fn partial_success_is_counted_and_not_repeated() {
    for protocol in BOTH {
        let bench = Bench::new(protocol, Temporality::Cumulative);
        bench.shared.will([Answer::Accept, Answer::Accept, Answer::AcceptBut(3)]);
        let pushes = bench.push(|_| ());
        pushes.wait_for("rejected points", |pushes| pushes.total("rejected_points_total") > 0.0);
        assert_eq!(pushes.total("rejected_points_total"), 3.0);
        assert_eq!(pushes.total("failures_total"), 0.0);
        assert!(pushes.total("points_total") > 0.0 && pushes.total("sent_bytes_total") > 0.0);
    }
}

/// An endpoint that takes requests and never answers: scrapes go on, and memory stays as it is.
#[test]
fn a_hanging_endpoint_disturbs_nobody() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let bench = Bench::new(Protocol::Http, temporality);
        bench.shared.will([Answer::Hang; 1_000]);
        let pushes = bench.push(|_| ());
        bench.shared.wait_for("a request", |record| !record.arrivals.is_empty());
        let begun = Instant::now();
        for _ in 0..50 {
            pushes.runtime.block_on(pushes.hub.fresh());
        }
        assert!(begun.elapsed() < TIMEOUT * 50, "{:?}", begun.elapsed());
        bench.shared.wait_for("attempts", |record| record.arrivals.len() >= 4);
        assert!(pushes.total("queued_requests") <= 1.0);
        let record = bench.shared.lock();
        if temporality == Temporality::Delta {
            assert!(record.arrivals.windows(2).all(|pair| pair[0].1 == pair[1].1), "it is the same request");
        }
    }
}

#[test]
fn the_end_tells_the_rest() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let bench = Bench::new(Protocol::Grpc, temporality);
        let mut pushes = bench.push(|_| ());
        bench.shared.wait_for("some pushes", |record| record.arrivals.len() > 3);
        bench.service.as_ref().expect("it runs");
        for _ in 0..20 {
            pushes.runtime.block_on(pushes.hub.fresh());
        }
        let truth = bench.world.settle();
        pushes.end();
        assert_eq!(bench.shared.lock().totals(), truth);
        let arrivals = bench.shared.lock().arrivals.len();
        thread::sleep(Duration::from_millis(100));
        assert_eq!(bench.shared.lock().arrivals.len(), arrivals, "it has ended");
    }
}
