//! Label sets whose names come late.

use super::*;

fn unnamed() -> Labels {
    Labels::new([placeholder("7")])
}

#[test]
fn what_has_no_name_yet_is_not_shown_and_then_shown_whole_from_its_beginning() {
    let mut bench = Bench::new(10, 10);
    let claim = bench.ledger.claim(&COUNTER, &unnamed(), bench.now);
    bench.ledger.count(&claim, 5);
    bench.sleep(3);
    assert!(bench.values(&COUNTER).is_empty());
    assert_eq!(bench.ledger.withheld.len(), 1);
    bench.ledger.disclose("7", &cgroup("/a"), bench.now);
    assert_eq!(bench.shown(&COUNTER), [("/a".to_owned(), 5, 1_000)]);
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.values(&COUNTER), are([("/a", 6)]), "the claim has followed");
    bench.ledger.rename(&claim, &cgroup("/a"), bench.now);
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.values(&COUNTER), are([("/a", 7)]));
    assert_eq!((bench.ledger.withheld.len(), bench.ledger.stats().dropped), (0, 0));
    assert_consistent(&bench.ledger);
}

#[test]
fn a_name_that_comes_after_death_is_shown_until_everybody_has_seen_it() {
    let mut bench = Bench::new(10, 10);
    let claim = bench.ledger.claim(&DURATIONS, &unnamed(), bench.now);
    bench.ledger.observe(&claim, &samples(3, 4));
    bench.release(claim);
    for _ in 0..3 {
        bench.tick_after(100);
        assert!(bench.scrape("a").families.is_empty());
    }
    bench.ledger.disclose("7", &cgroup("/a"), bench.now);
    for _ in 0..2 {
        assert_eq!(shown(&bench.scrape("a"), &DURATIONS), [("/a".to_owned(), 4, 1_000)]);
    }
    assert!(bench.scrape("a").families.is_empty());
    assert_consistent(&bench.ledger);
}

#[test]
fn without_a_place_it_goes_to_the_fold() {
    let mut bench = Bench::new(1, 10);
    let named = bench.ledger.claim(&COUNTER, &cgroup("/a"), bench.now);
    let claim = bench.ledger.claim(&COUNTER, &unnamed(), bench.now);
    bench.ledger.count(&claim, 5);
    bench.ledger.disclose("7", &cgroup("/b"), bench.now);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 5), ("/a", 0)]));
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.values(&COUNTER), are([(FOLD, 6), ("/a", 0)]));
    bench.release(claim);
    bench.release(named);
    assert_consistent(&bench.ledger);
}

#[test]
fn the_name_may_be_one_that_exists() {
    let mut bench = Bench::new(10, 10);
    let known = bench.ledger.claim(&COUNTER, &cgroup("/a"), bench.now);
    bench.ledger.count(&known, 1);
    let claim = bench.ledger.claim(&COUNTER, &unnamed(), bench.now);
    bench.ledger.count(&claim, 5);
    bench.ledger.disclose("7", &cgroup("/a"), bench.now);
    assert_eq!(bench.values(&COUNTER), are([("/a", 6)]));
    bench.release(known);
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.values(&COUNTER), are([("/a", 7)]), "the claim keeps it alive");
    bench.release(claim);
    assert_consistent(&bench.ledger);
}
