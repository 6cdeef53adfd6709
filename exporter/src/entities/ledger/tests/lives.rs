//! Claims, shared series, names and deaths.

use super::*;

#[test]
fn a_series_is_visible_at_zero_from_its_claim_on() {
    let mut bench = Bench::new(10, 10);
    let claim = bench.claim(&COUNTER, "/a");
    assert_eq!(bench.shown(&COUNTER), [("/a".to_owned(), 0, 1_000)]);
    bench.sleep(7);
    bench.ledger.count(&claim, 5);
    assert_eq!(bench.shown(&COUNTER), [("/a".to_owned(), 5, 1_000)]);
}

#[test]
fn claims_on_equal_label_sets_share_a_series() {
    let mut bench = Bench::new(10, 10);
    let (first, second) = (bench.claim(&DURATIONS, "/a"), bench.claim(&DURATIONS, "/a"));
    bench.ledger.observe(&first, &samples(3, 2));
    bench.ledger.observe(&second, &samples(3, 4));
    bench.release(first);
    bench.ledger.observe(&second, &samples(9, 1));
    assert_eq!(bench.values(&DURATIONS), are([("/a", 7)]));
    assert_eq!(bench.ledger.stats().metrics[0].lingering, 0);
}

#[test]
fn metrics_have_the_order_of_the_catalogue_and_series_that_of_their_labels() {
    let mut ledger = Ledger::new(Limits::default(), &[&GAUGE, &COUNTER]);
    let now = Now::read();
    for (metric, name) in
        [(&OTHER, "/a"), (&COUNTER, "/b"), (&COUNTER, "/c"), (&COUNTER, "/a"), (&GAUGE, "/a")]
    {
        let _kept = ledger.claim(metric, &cgroup(name), now);
    }
    let snapshot = ledger.snapshot(now);
    let metrics: Vec<_> = snapshot.families.iter().map(|family| family.metric.name).collect();
    assert_eq!(metrics, ["test.gauge", "test.counter", "test.other"]);
    let names: Vec<_> = snapshot.families[1].series.iter().map(|s| s.labels.get(&keys::CGROUP)).collect();
    assert_eq!(names, [Some("/a"), Some("/b"), Some("/c")]);
}

#[test]
fn a_new_name_has_only_what_comes_after_it() {
    let mut bench = Bench::new(10, 10);
    let claim = bench.claim(&COUNTER, "/early");
    bench.ledger.count(&claim, 5);
    bench.sleep(1);
    bench.ledger.rename(&claim, &cgroup("/late"), bench.now);
    bench.ledger.count(&claim, 2);
    assert_eq!(bench.shown(&COUNTER), [("/early".to_owned(), 5, 1_000), ("/late".to_owned(), 2, 1_001)]);
    bench.ledger.rename(&claim, &cgroup("/early"), bench.now);
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.values(&COUNTER), are([("/early", 6), ("/late", 2)]), "the old series goes on");
    assert_consistent(&bench.ledger);
}

#[test]
fn a_series_claimed_again_while_it_lingers_goes_on() {
    let mut bench = Bench::new(10, 10);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 5);
    bench.release(claim);
    bench.tick_after(299);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 1);
    bench.tick_after(3_000);
    assert_eq!(bench.shown(&COUNTER), [("/a".to_owned(), 6, 1_000)]);
}

#[test]
fn a_series_that_is_gone_begins_anew() {
    let mut bench = Bench::new(10, 10);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 5);
    bench.release(claim);
    bench.tick_after(300);
    assert_eq!(bench.values(&COUNTER), are([]));
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.shown(&COUNTER), [("/a".to_owned(), 1, 1_300)]);
}

#[test]
fn a_snapshot_is_not_changed_by_what_comes_after_it() {
    let mut bench = Bench::new(10, 10);
    let claim = bench.claim(&DURATIONS, "/a");
    bench.ledger.observe(&claim, &samples(3, 2));
    let before = bench.ledger.snapshot(bench.now);
    let unchanged = bench.ledger.snapshot(bench.now);
    bench.ledger.observe(&claim, &samples(3, 1));
    let value = |snapshot: &Snapshot| match &snapshot.families[0].series[0].value {
        Value::Histogram(histogram) => histogram.clone(),
        other => panic!("{other:?}"),
    };
    assert!(Arc::ptr_eq(&value(&before), &value(&unchanged)), "what has not changed is shared");
    assert_eq!(*value(&before), HistogramValue { buckets: vec![(3, 2)], sum: 20 });
}

#[test]
fn calls_that_do_not_fit_the_kind_are_counted() {
    let mut bench = Bench::new(10, 10);
    let (counter, gauge) = (bench.claim(&COUNTER, "/a"), bench.claim(&GAUGE, "/a"));
    bench.ledger.observe(&counter, &samples(1, 1));
    bench.ledger.set(&counter, 1);
    bench.ledger.count(&gauge, 1);
    assert_eq!(bench.ledger.stats().dropped, 3);
    assert_eq!(bench.values(&COUNTER), are([("/a", 0)]));
}

#[test]
fn a_counter_wraps_and_does_not_panic() {
    let mut bench = Bench::new(10, 10);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, u64::MAX);
    bench.ledger.count(&claim, 3);
    assert_eq!(bench.values(&COUNTER), are([("/a", 2)]));
}
