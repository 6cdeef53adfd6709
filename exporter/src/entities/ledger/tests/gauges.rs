//! Gauges: sums over living claims, moved as a whole.

use super::*;

#[test]
fn a_gauge_is_the_sum_over_its_claims() {
    let mut bench = Bench::new(10, 10);
    let (first, second) = (bench.claim(&GAUGE, "/a"), bench.claim(&GAUGE, "/a"));
    bench.ledger.set(&first, 5);
    bench.ledger.set(&second, -2);
    bench.ledger.set(&first, 4);
    assert_eq!(bench.values(&GAUGE), are([("/a", 2)]));
    bench.release(first);
    assert_eq!(bench.values(&GAUGE), are([("/a", -2)]));
    bench.release(second);
    assert_eq!(bench.values(&GAUGE), are([]), "a gauge does not linger");
    assert_consistent(&bench.ledger);
}

#[test]
fn a_gauge_moves_with_its_name() {
    let mut bench = Bench::new(1, 1);
    let claim = bench.claim(&GAUGE, "/early");
    bench.ledger.set(&claim, 5);
    bench.ledger.rename(&claim, &cgroup("/late"), bench.now);
    assert_eq!(bench.values(&GAUGE), are([("/late", 5)]), "even when there is but one place");
    assert_consistent(&bench.ledger);
}

#[test]
fn a_gauge_moves_into_the_fold_and_out_of_it() {
    let mut bench = Bench::new(1, 1);
    let (first, second) = (bench.claim(&GAUGE, "/a"), bench.claim(&GAUGE, "/b"));
    bench.ledger.set(&first, 5);
    bench.ledger.set(&second, 7);
    assert_eq!(bench.values(&GAUGE), are([(FOLD, 7), ("/a", 5)]));
    bench.set_limits(0, 0);
    assert_eq!(bench.values(&GAUGE), are([(FOLD, 12)]));
    bench.set_limits(2, 2);
    bench.tick_after(1);
    assert_eq!(bench.values(&GAUGE), are([("/a", 5), ("/b", 7)]));
    assert_consistent(&bench.ledger);
}
