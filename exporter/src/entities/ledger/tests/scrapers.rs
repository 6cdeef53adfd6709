//! Nobody who comes in time misses anything.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What one scraper knows: the last value of each series it has ever seen.
#[derive(Default)]
struct Scraper(BTreeMap<(String, u64), i128>);

impl Scraper {
    fn scrape(&mut self, bench: &mut Bench, name: &str) {
        let snapshot = bench.scrape(name);
        for (cgroup, value, start) in shown(&snapshot, &COUNTER) {
            self.0.insert((cgroup, start), value);
        }
    }

    fn total(&self) -> i128 {
        self.0.values().sum()
    }
}

#[test]
fn the_slower_of_two_scrapers_still_sees_the_last_value() {
    let mut bench = Bench::new(10, 10);
    let (mut quick, mut slow) = (Scraper::default(), Scraper::default());
    let claim = bench.claim(&COUNTER, "/a");
    quick.scrape(&mut bench, "quick");
    slow.scrape(&mut bench, "slow");
    bench.sleep(1);
    bench.ledger.count(&claim, 5);
    bench.release(claim);
    let mut shown_until = 0;
    for second in 2..=300 {
        bench.sleep(1);
        if second % 15 == 0 {
            quick.scrape(&mut bench, "quick");
        }
        if second % 60 == 0 {
            slow.scrape(&mut bench, "slow");
        }
        bench.ledger.tick(bench.now);
        if !bench.values(&COUNTER).is_empty() {
            shown_until = second;
        }
    }
    assert_eq!((quick.total(), slow.total()), (5, 5));
    assert_eq!(shown_until, 119, "until the slow one has been there twice");
}

#[test]
fn a_delivery_of_an_older_snapshot_does_not_count() {
    let mut bench = Bench::new(10, 10);
    let consumer = Consumer::new("endpoint");
    let claim = bench.claim(&COUNTER, "/a");
    let old = bench.ledger.snapshot(bench.now).edition;
    bench.ledger.count(&claim, 5);
    bench.release(claim);
    let new = bench.ledger.snapshot(bench.now).edition;
    for edition in [new, old, old] {
        bench.ledger.delivered(&consumer, edition, bench.now);
    }
    bench.tick_after(1);
    assert_eq!(bench.values(&COUNTER), are([("/a", 5)]), "carried once");
    bench.ledger.delivered(&consumer, new, bench.now);
    bench.tick_after(1);
    assert_eq!(bench.values(&COUNTER), are([]), "carried twice");
}

#[test]
fn a_silent_consumer_is_not_waited_for() {
    let mut bench = Bench::new(10, 10);
    bench.scrape("once only");
    bench.sleep(299);
    let claim = bench.claim(&COUNTER, "/a");
    bench.release(claim);
    bench.scrape("regular");
    bench.scrape("regular");
    bench.ledger.tick(bench.now);
    assert_eq!(bench.values(&COUNTER).len(), 1);
    assert_eq!(bench.ledger.stats().consumers, 2);
    bench.tick_after(1);
    assert_eq!(bench.values(&COUNTER).len(), 0);
    assert_eq!(bench.ledger.stats().consumers, 1);
}

#[test]
fn nobody_waits_for_who_has_gone() {
    let mut bench = Bench::new(10, 10);
    bench.scrape("endpoint");
    let claim = bench.claim(&COUNTER, "/a");
    bench.release(claim);
    bench.scrape("regular");
    bench.scrape("regular");
    bench.tick_after(1);
    assert_eq!(bench.values(&COUNTER).len(), 1);
    bench.ledger.forget(&Consumer::new("endpoint"));
    bench.tick_after(1);
    assert_eq!(bench.values(&COUNTER).len(), 0);
    assert_eq!(bench.ledger.stats().consumers, 1);
}

/// What happens to the entity of this number.
#[derive(Clone, Debug)]
enum Event {
    Work(usize, u64),
    Die(usize),
    Rename(usize, usize),
    Limits(usize, usize),
}

fn events() -> impl Strategy<Value = Vec<Vec<Event>>> {
    let event = prop_oneof![
        6 => (0..6usize, 1..100u64).prop_map(|(entity, by)| Event::Work(entity, by)),
        3 => (0..6usize).prop_map(Event::Die),
        1 => (0..6usize, 0..6usize).prop_map(|(entity, name)| Event::Rename(entity, name)),
        1 => (0..5usize, 0..5usize).prop_map(|(one, all)| Event::Limits(one, all)),
    ];
    prop::collection::vec(prop::collection::vec(event, 0..4), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// In every five seconds something may happen; one scraper comes every 15 seconds, one every minute.
    #[test]
    fn scrapers_that_come_in_time_miss_nothing(events in events(), generation in any::<bool>()) {
        let mut bench = Bench::new(3, 3);
        let (mut quick, mut slow) = (Scraper::default(), Scraper::default());
        let mut claims: Vec<Option<Claim>> = (0..6).map(|_| None).collect();
        let (mut truth, mut births) = (0, 0);
        for (step, events) in events.into_iter().enumerate() {
            if step % 3 == 0 {
                quick.scrape(&mut bench, "quick");
            }
            if step % 12 == 0 {
                slow.scrape(&mut bench, "slow");
            }
            bench.sleep(5);
            for event in events {
                match event {
                    Event::Work(entity, by) => {
                        births += usize::from(claims[entity].is_none() && generation);
                        let claim = claims[entity]
                            .get_or_insert_with(|| bench.claim(&COUNTER, &format!("/{entity}.{births}")));
                        bench.ledger.count(claim, by);
                        truth += i128::from(by);
                    }
                    Event::Die(entity) => {
                        if let Some(claim) = claims[entity].take() {
                            bench.release(claim);
                        }
                    }
                    Event::Rename(entity, name) => {
                        if let Some(claim) = &claims[entity] {
                            bench.ledger.rename(claim, &cgroup(&format!("/{name}.renamed")), bench.now);
                        }
                    }
                    Event::Limits(one, all) => bench.set_limits(one, all),
                }
            }
            assert_consistent(&bench.ledger);
        }
        quick.scrape(&mut bench, "quick");
        slow.scrape(&mut bench, "slow");
        prop_assert_eq!(quick.total(), truth);
        prop_assert_eq!(slow.total(), truth);
    }
}
