//! Who is named and who is folded.

use super::*;

#[test]
fn over_budget_new_label_sets_go_to_the_fold() {
    let mut bench = Bench::new(2, 3);
    for (metric, name) in
        [(&COUNTER, "/a"), (&COUNTER, "/b"), (&COUNTER, "/c"), (&OTHER, "/a"), (&OTHER, "/b")]
    {
        let claim = bench.claim(metric, name);
        bench.ledger.count(&claim, 1);
    }
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 1), ("/a", 1), ("/b", 1)]), "two for each metric");
    assert_eq!(bench.values(&OTHER), are([(FOLD, 1), ("/a", 1)]), "three in all");
    let stats = bench.ledger.stats();
    assert_eq!(stats.metrics[0].folded_claims, 1);
    assert_eq!(stats.metrics[0].places, 2);
    assert_eq!(stats.metrics[0].series, 3);
}

#[test]
fn what_cannot_be_folded_takes_no_place() {
    let mut bench = Bench::new(0, 0);
    let voluntary = Labels::new([(&keys::SWITCH_TYPE, "voluntary")]);
    let claim = bench.ledger.claim(&COUNTER, &voluntary, bench.now);
    bench.ledger.count(&claim, 3);
    let overflow = bench.claim(&COUNTER, FOLD);
    bench.ledger.count(&overflow, 4);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 4), ("", 3)]));
    assert_consistent(&bench.ledger);
}

#[test]
fn an_active_folded_label_set_changes_places_with_an_idle_one() {
    let mut bench = Bench::new(1, 10);
    bench.ledger.tick(bench.now);
    let (idle, active) = (bench.claim(&COUNTER, "/idle"), bench.claim(&COUNTER, "/active"));
    bench.ledger.count(&idle, 10);
    bench.ledger.count(&active, 21);
    bench.tick_after(59);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 21), ("/idle", 10)]), "not more than once a minute");
    bench.tick_after(1);
    bench.ledger.count(&idle, 1);
    bench.ledger.count(&active, 2);
    let expected = are([(FOLD, 22), ("/active", 2), ("/idle", 10)]);
    assert_eq!(bench.values(&COUNTER), expected, "only what came later has moved");
    assert_consistent(&bench.ledger);
    bench.tick_after(300);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 22), ("/active", 2)]), "the old series has lingered");
}

#[test]
fn twice_as_active_is_not_enough() {
    let mut bench = Bench::new(1, 10);
    bench.ledger.tick(bench.now);
    let (idle, active) = (bench.claim(&DURATIONS, "/idle"), bench.claim(&DURATIONS, "/active"));
    bench.ledger.observe(&idle, &samples(1, 10));
    bench.ledger.observe(&active, &samples(1, 20));
    bench.tick_after(60);
    assert_eq!(bench.values(&DURATIONS), are([(FOLD, 20), ("/idle", 10)]));
}

#[test]
fn old_activity_counts_less() {
    let after_six_minutes = |steady_work| {
        let mut bench = Bench::new(1, 10);
        bench.ledger.tick(bench.now);
        let (once, steady) = (bench.claim(&COUNTER, "/once"), bench.claim(&COUNTER, "/steady"));
        bench.ledger.count(&once, 100);
        bench.tick_after(240);
        bench.ledger.count(&steady, steady_work);
        bench.tick_after(120);
        bench.ledger.stats().metrics[0].lingering
    };
    assert_eq!(after_six_minutes(48), 0, "100 have become 12.5, and 48 have become 24");
    assert_eq!(after_six_minutes(52), 1, "26 are more than twice as many");
}

#[test]
fn few_change_places_at_a_time() {
    let mut bench = Bench::new(40, 100);
    bench.ledger.tick(bench.now);
    let _idle: Vec<_> = (0..40).map(|i| bench.claim(&COUNTER, &format!("/idle{i}"))).collect();
    for i in 0..40 {
        let active = bench.claim(&COUNTER, &format!("/active{i}"));
        bench.ledger.count(&active, 100 + i);
    }
    for minutes in 1..=3 {
        bench.tick_after(60);
        let stats = &bench.ledger.stats().metrics[0];
        assert_eq!((stats.places, stats.folded, stats.lingering), (40, 40, 2 * minutes));
    }
    let snapshot = bench.ledger.snapshot(bench.now);
    let names = shown(&snapshot, &COUNTER);
    for i in 34..40 {
        assert!(names.iter().any(|(name, ..)| *name == format!("/active{i}")), "the most active come first");
    }
}

#[test]
fn a_label_set_that_gets_its_place_back_goes_on_with_its_series() {
    let mut bench = Bench::new(1, 10);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 5);
    bench.set_limits(0, 10);
    bench.ledger.count(&claim, 2);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 2), ("/a", 5)]));
    bench.set_limits(1, 10);
    bench.tick_after(10);
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.shown(&COUNTER), [(FOLD.to_owned(), 2, 1_000), ("/a".to_owned(), 6, 1_000)]);
    assert_consistent(&bench.ledger);
}

#[test]
fn lower_limits_fold_the_least_active_of_the_metric_with_the_most() {
    let mut bench = Bench::new(3, 10);
    for (metric, name, by) in
        [(&COUNTER, "/a", 3), (&COUNTER, "/b", 1), (&COUNTER, "/c", 2), (&OTHER, "/a", 0), (&OTHER, "/b", 0)]
    {
        let claim = bench.claim(metric, name);
        bench.ledger.count(&claim, by);
    }
    bench.set_limits(3, 3);
    let named = |bench: &Bench, book: usize| {
        let sets = bench.ledger.books[book].index.values().map(|id| &bench.ledger.label_sets[*id]);
        let named = sets.filter(|set| set.is_named());
        named.map(|set| set.labels.get(&keys::CGROUP).unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(named(&bench, 0).len() + named(&bench, 1).len(), 3);
    assert!(named(&bench, 0).contains(&"/a".to_owned()), "the most active stays");
    assert!(!named(&bench, 1).is_empty());
    assert_consistent(&bench.ledger);
}

#[test]
fn free_places_go_to_the_most_active() {
    let mut bench = Bench::new(0, 10);
    for (name, by) in [("/a", 1), ("/b", 3), ("/c", 2)] {
        let claim = bench.claim(&COUNTER, name);
        bench.ledger.count(&claim, by);
    }
    bench.set_limits(1, 10);
    bench.tick_after(1);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 6), ("/b", 0)]));
}

#[test]
fn free_places_go_to_the_metric_with_the_fewest() {
    let mut bench = Bench::new(10, 2);
    for (metric, name) in [(&COUNTER, "/a"), (&COUNTER, "/b"), (&COUNTER, "/c"), (&OTHER, "/a")] {
        let _kept = bench.claim(metric, name);
    }
    bench.set_limits(10, 3);
    bench.tick_after(1);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 0), ("/a", 0), ("/b", 0)]));
    assert_eq!(bench.values(&OTHER)[1..], are([("/a", 0)]), "the fold lingers");
}

#[test]
fn a_forgotten_label_set_takes_a_free_place_when_it_is_claimed() {
    let mut bench = Bench::new(1, 10);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 5);
    bench.set_limits(0, 10);
    bench.release(claim);
    bench.set_limits(1, 10);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 0), ("/a", 6)]));
    assert_consistent(&bench.ledger);
}

#[test]
fn the_dead_of_another_metric_make_room_only_when_that_helps() {
    let mut bench = Bench::new(1, 2);
    let _kept = [bench.claim(&COUNTER, "/a"), bench.claim(&COUNTER, "/b")];
    let dead = bench.claim(&OTHER, "/dead");
    bench.release(dead);
    bench.scrape("prometheus");
    bench.tick_after(1);
    let expected = are([("/dead", 0)]);
    assert_eq!(bench.values(&OTHER), expected, "the first metric has all the places it may have");
    bench.set_limits(2, 2);
    bench.tick_after(1);
    assert_eq!(bench.values(&OTHER), are([]));
    assert_eq!(bench.ledger.stats().metrics[0].places, 2);
}

#[test]
fn the_longest_dead_that_were_carried_make_room() {
    let mut bench = Bench::new(2, 10);
    let (first, second) = (bench.claim(&COUNTER, "/first"), bench.claim(&COUNTER, "/second"));
    bench.ledger.count(&first, 1);
    bench.release(first);
    bench.sleep(1);
    bench.ledger.count(&second, 2);
    bench.release(second);
    let third = bench.claim(&COUNTER, "/third");
    bench.ledger.count(&third, 3);
    bench.tick_after(1);
    assert_eq!(
        bench.values(&COUNTER),
        are([(FOLD, 3), ("/first", 1), ("/second", 2)]),
        "nobody has seen them"
    );
    bench.scrape("prometheus");
    bench.tick_after(1);
    bench.ledger.count(&third, 4);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 3), ("/second", 2), ("/third", 4)]));
    assert_consistent(&bench.ledger);
}

#[test]
fn the_dead_do_not_come_back_to_places_that_are_no_more() {
    let mut bench = Bench::new(1, 10);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 5);
    bench.release(claim);
    bench.set_limits(0, 10);
    let claim = bench.claim(&COUNTER, "/a");
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 1), ("/a", 5)]));
    assert_consistent(&bench.ledger);
    bench.release(claim);
    bench.tick_after(300);
    bench.tick_after(300);
    assert_eq!(bench.values(&COUNTER), are([]), "the fold goes too when nobody is in it");
}
