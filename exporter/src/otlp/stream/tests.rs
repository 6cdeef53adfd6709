//! For a receiver that records or refuses, deltas add up to what happened.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    catalogue::{Kind, keys},
    snapshot::Edition,
};

static COUNTER: Metric = Metric::of_tests("test.counter", Kind::Counter);
static SIZES: Metric = Metric::of_tests("test.sizes", Kind::Sizes);
static GAUGE: Metric = Metric::of_tests("test.gauge", Kind::Gauge);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn histogram(samples: u64) -> Value {
    let buckets = if samples == 0 { Vec::new() } else { vec![(samples as u16 % 7, samples)] };
    Value::Histogram(HistogramValue { buckets, sum: u128::from(samples) * 3 }.into())
}

fn named(name: &str, start: u64, value: Value) -> Series {
    Series { labels: Labels::new([(&keys::COMMAND, name)]), start: at(start), value }
}

fn snapshot(taken: u64, families: Vec<(&'static Metric, Vec<Series>)>) -> Snapshot {
    let families = families.into_iter().map(|(metric, series)| Family { metric, series }).collect();
    Snapshot { taken: at(taken), edition: Edition::default(), families }
}

/// (command, seconds at the start, value) of a counter's points.
fn counted(batch: &Batch) -> Vec<(String, u64, u64)> {
    let family = batch.families.iter().find(|family| family.metric == &COUNTER);
    let series = family.into_iter().flat_map(|family| &family.series);
    series
        .map(|series| {
            let Value::Counter(value) = series.value else { panic!("no counter") };
            let start = series.start.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
            (series.labels.get(&keys::COMMAND).expect("a command").to_owned(), start.as_secs(), value)
        })
        .collect()
}

fn pushed(stream: &mut Delta, snapshot: &Snapshot) -> Batch {
    stream.absorb(snapshot);
    stream.next(snapshot)
}

#[test]
fn a_refused_batch_merges_into_the_next() {
    let mut stream = Delta::new(Temporality::Delta, 100);
    let counter =
        |taken, value| snapshot(taken, vec![(&COUNTER, vec![named("a", 10, Value::Counter(value))])]);
    assert_eq!(counted(&pushed(&mut stream, &counter(20, 5))), [("a".into(), 10, 5)]);
    stream.accepted();
    assert_eq!(counted(&pushed(&mut stream, &counter(30, 7))), [("a".into(), 20, 2)]);
    stream.refused();
    assert_eq!(counted(&pushed(&mut stream, &counter(40, 8))), [("a".into(), 20, 3)]);
    stream.accepted();
    assert_eq!(counted(&pushed(&mut stream, &counter(50, 8))), [], "nothing has happened");
}

#[test]
fn what_comes_while_a_batch_is_repeated_waits() {
    let mut stream = Delta::new(Temporality::Delta, 100);
    let counter =
        |taken, value| snapshot(taken, vec![(&COUNTER, vec![named("a", 10, Value::Counter(value))])]);
    pushed(&mut stream, &counter(20, 5));
    stream.absorb(&counter(30, 6));
    stream.absorb(&counter(40, 8));
    stream.accepted();
    assert_eq!(counted(&stream.next(&counter(40, 8))), [("a".into(), 20, 3)]);
}

#[test]
fn a_series_that_begins_anew_counts_from_its_own_start() {
    let mut stream = Delta::new(Temporality::Delta, 100);
    let counter = |taken, start, value| {
        snapshot(taken, vec![(&COUNTER, vec![named("a", start, Value::Counter(value))])])
    };
    pushed(&mut stream, &counter(20, 10, 5));
    stream.accepted();
    assert_eq!(counted(&pushed(&mut stream, &counter(30, 25, 5))), [("a".into(), 25, 5)]);
}

#[test]
fn too_many_dead_ones_share_the_fold() {
    let mut stream = Delta::new(Temporality::Delta, 2);
    for second in 0..10 {
        let name = format!("short-{second}");
        stream.absorb(&snapshot(second + 1, vec![(&COUNTER, vec![named(&name, second, Value::Counter(1))])]));
    }
    let batch = stream.next(&snapshot(11, vec![]));
    let total: u64 = counted(&batch).iter().map(|(.., value)| value).sum();
    assert!(batch.points() <= 3, "{batch:?}");
    assert_eq!(total, 10);
}

#[test]
fn gauges_are_told_as_they_are_and_end_once() {
    for mut stream in [
        super::super::Stream::new(crate::config::Temporality::Delta, 10),
        super::super::Stream::new(crate::config::Temporality::Cumulative, 10),
    ] {
        let with = snapshot(1, vec![(&GAUGE, vec![named("a", 0, Value::Gauge(4))])]);
        let without = snapshot(2, vec![]);
        stream.absorb(&with);
        assert_eq!((stream.next(&with).points(), stream.next(&with).ended.len()), (1, 0));
        stream.accepted();
        for _ in 0..2 {
            assert_eq!(stream.next(&without).ended.len(), 1, "until it has arrived");
            stream.refused();
        }
        assert_eq!(stream.next(&without).ended.len(), 1);
        stream.accepted();
        assert_eq!(stream.next(&without).ended.len(), 0, "only once");
    }
}

/// What becomes of a batch.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Recorded,
    Refused,
    /// Recorded, but the answer got lost: the same batch comes again, and its range is known already.
    Repeated,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn deltas_add_up(
        steps in prop::collection::vec((
            prop::collection::vec((0..5_usize, 0..9_u64), 0..6),
            prop::option::of(0..5_usize),
            prop_oneof![Just(Answer::Recorded), Just(Answer::Refused), Just(Answer::Repeated)],
        ), 1..40),
        most in 1..20_usize,
    ) {
        let mut stream = Delta::new(Temporality::Delta, most);
        let mut living: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        let (mut truth, mut counter_sum, mut samples_sum, mut bytes_sum) = (0, 0, 0, 0);
        let mut now = 1;
        let count = steps.len();
        for (step, (work, death, answer)) in steps.into_iter().enumerate() {
            now += 1;
            for (who, by) in work {
                living.entry(who).or_insert((now, 0)).1 += by;
                truth += by;
            }
            let series = |value: fn(u64) -> Value| living.iter()
                .map(|(who, (born, sum))| named(&who.to_string(), *born, value(*sum))).collect::<Vec<_>>();
            // All samples of a series in one bucket, so that its histogram only grows.
            let sizes = |sum| Value::Histogram(HistogramValue {
                buckets: if sum == 0 { vec![] } else { vec![(3, sum)] }, sum: u128::from(sum) * 3,
            }.into());
            let now_shown = snapshot(now, vec![(&COUNTER, series(Value::Counter)), (&SIZES, series(sizes))]);
            let batch = pushed(&mut stream, &now_shown);
            let answer = if step + 1 == count { Answer::Recorded } else { answer };
            match answer {
                Answer::Refused => { stream.refused(); }
                Answer::Recorded | Answer::Repeated => {
                    for family in &batch.families {
                        for series in &family.series {
                            match &series.value {
                                Value::Counter(value) => counter_sum += value,
                                Value::Histogram(value) => {
                                    samples_sum += value.count();
                                    bytes_sum += value.sum;
                                }
                                Value::Gauge(_) => {}
                            }
                        }
                    }
                    stream.accepted();
                }
            }
            if let Some(who) = death {
                living.remove(&who);
            }
        }
        prop_assert_eq!((counter_sum, samples_sum, bytes_sum), (truth, truth, u128::from(truth) * 3));
    }
}

#[test]
fn differences_of_histograms_are_exact_or_none() {
    let value = |buckets: &[(u16, u64)], sum| {
        Value::Histogram(HistogramValue { buckets: buckets.to_vec(), sum }.into())
    };
    let old = value(&[(1, 2), (5, 1)], 10);
    assert_eq!(increase(&old, &value(&[(1, 2), (3, 4), (5, 2)], 30)), Some(value(&[(3, 4), (5, 1)], 20)));
    assert_eq!(increase(&old, &value(&[(1, 2)], 30)), None, "a bucket is gone");
    assert_eq!(increase(&old, &value(&[(1, 1), (5, 1)], 30)), None, "a bucket has shrunk");
    assert_eq!(increase(&histogram(0), &histogram(4)), Some(histogram(4)));
    assert_eq!(increase(&Value::Counter(u64::MAX), &Value::Counter(1)), Some(Value::Counter(2)), "it wraps");
}

#[test]
fn what_another_exporter_has_told_is_not_told_again() {
    let counter = |taken, value| {
        let old = named("old", 10, Value::Counter(value));
        snapshot(taken, vec![(&COUNTER, vec![old, named("new", 40, Value::Counter(1))])])
    };
    let mut stream = Delta::new(Temporality::Delta, 100);
    stream.go_on_from(&snapshot(30, vec![(&COUNTER, vec![named("old", 10, Value::Counter(5))])]));
    assert_eq!(
        counted(&pushed(&mut stream, &counter(50, 7))),
        [("new".into(), 40, 1), ("old".into(), 30, 2)]
    );
}
