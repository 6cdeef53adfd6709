//! The law of increments, and the limits.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    catalogue::{Key, Kind, Unit, keys},
    entities::ledger::{Claim, Ledger, Now},
    live::{Amount, heat::Rows},
    snapshot::{Edition, HistogramDelta, HistogramValue, Labels},
};

const WHO: &[&Key] = &[&keys::CGROUP];
const WHAT: &[&Key] = &[&keys::STATE];

static DURATION: Metric = of("kernel.test.duration", Kind::Durations, Unit::Seconds, WHAT);
static TIME: Metric = of("kernel.stall.time", Kind::Counter, Unit::Seconds, WHAT);
static EVENTS: Metric = of("kernel.test.events", Kind::Counter, Unit::Things("event"), &[]);
static METRICS: [&Metric; 3] = [&DURATION, &TIME, &EVENTS];

const fn of(name: &'static str, kind: Kind, unit: Unit, attributes: &'static [&'static Key]) -> Metric {
    Metric { name, kind, unit, help: "for tests", identity: WHO, attributes, source: "nowhere" }
}

const LIMITS: Limits =
    Limits { span: Duration::from_secs(600), bytes: 64 << 20, refresh: Duration::from_secs(2) };

/// A ledger whose clock the test sets.
struct World {
    ledger: Ledger,
    begin: Now,
    now: Now,
    history: History,
    /// What was recorded since the first snapshot.
    truth: Truth,
}

#[derive(Default, PartialEq, Debug)]
struct Truth {
    duration: HistogramValue,
    time: u64,
    events: u64,
}

impl World {
    fn new() -> Self {
        let limits = crate::entities::ledger::Limits {
            label_sets_per_metric: 6,
            label_sets: 12,
            linger: Duration::from_secs(7),
        };
        let now = Now::read();
        let mut world = Self {
            ledger: Ledger::new(limits, &METRICS),
            begin: now,
            now,
            history: History::default(),
            truth: Truth::default(),
        };
        world.read(LIMITS);
        world
    }

    fn wait(&mut self, time: Duration) {
        self.now = Now { monotonic: self.now.monotonic + time, wall: self.now.wall + time };
    }

    fn read(&mut self, limits: Limits) {
        self.ledger.tick(self.now);
        let snapshot = Arc::new(self.ledger.snapshot(self.now));
        self.history.record(&snapshot, limits);
    }

    fn claims(&mut self, who: &str, state: &str) -> [Claim; 3] {
        let who = Labels::new([(&keys::CGROUP, who)]);
        let what = who.with([(&keys::STATE, state)]);
        let mut claim = |metric, labels| self.ledger.claim(metric, labels, self.now);
        [claim(&DURATION, &what), claim(&TIME, &what), claim(&EVENTS, &who)]
    }

    fn happen(&mut self, [duration, time, events]: &[Claim; 3], bucket: u16, samples: u64) {
        let delta = HistogramDelta { buckets: vec![(bucket, samples)], sum: samples * 1000 };
        self.ledger.observe(duration, &delta);
        self.ledger.count(time, samples * 10);
        self.ledger.count(events, samples);
        self.truth.duration.add(&delta);
        self.truth.time += samples * 10;
        self.truth.events += samples;
    }

    /// What the columns have of a metric, and what their tops have.
    fn sums(&self, metric: &Metric) -> (u64, Rows, u64) {
        let (mut count, mut rows, mut tops) = (0, Rows::default(), 0);
        let parts = self.history.columns().flat_map(|column| &column.happened.parts);
        for part in parts.filter(|part| part.metric == metric) {
            match &part.amount {
                Amount::Count(more) => count += more,
                Amount::Samples(heat) => rows.add(heat),
                Amount::Level(_) => panic!("no gauge"),
            }
            tops += part.top.rest() + part.top.rows().iter().map(|(_, amount)| amount).sum::<u64>();
        }
        (count, rows, tops)
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Somebody is born.
    Begin(u8, u8),
    /// Somebody does something.
    Happen(prop::sample::Index, u16, u64),
    /// Somebody is gone.
    End(prop::sample::Index),
    /// Time passes, and the maps are read.
    Read(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..20_u8, 0..3_u8).prop_map(|(who, state)| Step::Begin(who, state)),
        (any::<prop::sample::Index>(), 0..409_u16, 1..1000_u64)
            .prop_map(|(who, n, m)| Step::Happen(who, n, m)),
        (any::<prop::sample::Index>(), 0..409_u16, 1..1000_u64)
            .prop_map(|(who, n, m)| Step::Happen(who, n, m)),
        any::<prop::sample::Index>().prop_map(Step::End),
        (100..9000_u64).prop_map(Step::Read),
    ]
}

proptest! {
    /// Whatever is born, folded, gone and born again, and however the reads fall: the columns together have what
    /// was recorded, in heatmaps, counts, tops and boards.
    #[test]
    fn columns_have_what_was_recorded(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let (mut living, mut ending): (Vec<[Claim; 3]>, Vec<[Claim; 3]>) = Default::default();
        for step in steps {
            match step {
                Step::Begin(who, state) => {
                    let claims = world.claims(&format!("/{who}"), ["running", "queue", "asleep"][usize::from(state)]);
                    living.push(claims);
                }
                Step::Happen(..) | Step::End(_) if living.is_empty() => {}
                Step::Happen(who, bucket, samples) => {
                    world.happen(&living[who.index(living.len())], bucket, samples);
                }
                Step::End(who) => ending.push(living.swap_remove(who.index(living.len()))),
                Step::Read(milliseconds) => {
                    world.wait(Duration::from_millis(milliseconds));
                    // The engine learns of it as it reads.
                    ending.drain(..).flatten().for_each(|claim| world.ledger.release(claim, world.now));
                    world.read(LIMITS);
                }
            }
        }
        world.wait(LIMITS.step());
        world.read(LIMITS);
        let (_, rows, sum) = world.sums(&DURATION);
        let mut expected = Rows::default();
        expected.add_difference(None, &world.truth.duration);
        prop_assert_eq!(crate::live::Heat::from(rows), crate::live::Heat::from(expected));
        prop_assert_eq!(u128::from(sum), world.truth.duration.sum);
        let (time, _, top) = world.sums(&TIME);
        prop_assert_eq!((time, top), (world.truth.time, world.truth.time));
        let (events, _, top) = world.sums(&EVENTS);
        prop_assert_eq!((events, top), (world.truth.events, world.truth.events));
        let board = world.history.board(Whose::Containers, Duration::MAX, 5);
        let board = board.rows().flat_map(|(_, amounts)| amounts).chain(board.rest());
        prop_assert_eq!(board.map(|(_, amount)| amount).sum::<u64>(), world.truth.time);
    }
}

#[test]
fn columns_are_as_wide_as_a_step_or_a_read() {
    let mut world = World::new();
    let claims = world.claims("/a", "running");
    for milliseconds in [500, 500, 900, 2000, 10_000, 100, 1750] {
        world.happen(&claims, 100, 1);
        world.wait(Duration::from_millis(milliseconds));
        world.read(LIMITS);
    }
    let widths: Vec<_> = world
        .history
        .columns()
        .map(|column| column.to.duration_since(column.from).expect("in order").as_millis())
        .collect();
    assert_eq!(widths, [1900, 2000, 10_000, 1850]);
    assert_eq!(world.sums(&EVENTS).0, 7);
    assert!(world.history.columns().map(|column| column.number).eq(1..=4));
    assert_eq!(world.history.span(), Duration::from_millis(15_750));
    assert_eq!(world.history.covered(Duration::from_secs(3)), Duration::from_millis(11_850));
    assert!(world.history.goes_on_from(4) && world.history.goes_on_from(0) && !world.history.goes_on_from(5));
    claims.into_iter().for_each(|claim| world.ledger.release(claim, world.now));
}

#[test]
fn what_is_too_old_goes() {
    let mut world = World::new();
    let limits = Limits { span: Duration::from_secs(60), ..LIMITS };
    for _ in 0..100 {
        world.wait(Duration::from_secs(2));
        world.read(limits);
    }
    assert_eq!(world.history.columns().len(), 30);
    assert!(!world.history.goes_on_from(69) && world.history.goes_on_from(70));
    assert_eq!(world.history.newest(), 100);
}

/// Strangers choose names, and how many: columns of thousands that live for one read, all names different.
#[test]
fn the_limit_holds_whatever_happens() {
    let mut history = History::default();
    let limits = Limits { bytes: 1 << 20, ..LIMITS };
    let mut taken = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let mut edition = Edition::default();
    for round in 0..60 {
        edition = edition.next();
        taken += Duration::from_secs(2);
        let mut series: Vec<_> = (0..300_u64)
            .map(|n| {
                let name = format!("/{round}/{n}{}", "x".repeat(4000));
                crate::snapshot::Series {
                    labels: Labels::new([(&keys::CGROUP, name.as_str()), (&keys::STATE, "queue")]),
                    start: taken,
                    value: crate::snapshot::Value::Counter(n + 1),
                }
            })
            .collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        let families = vec![crate::snapshot::Family { metric: &TIME, series }];
        history.record(&Arc::new(Snapshot { taken, edition, families }), limits);
        assert!(history.bytes() <= limits.bytes, "{} bytes", history.bytes());
    }
    let columns = history.columns().len();
    assert!((4..59).contains(&columns), "{columns} columns fit");
    let top = history.top(&TIME, Duration::MAX, 3);
    assert_eq!(top.rows()[0].1, 300);
}

#[test]
fn a_clock_that_is_set_back_begins_anew_and_pages_notice() {
    let mut world = World::new();
    for _ in 0..5 {
        world.wait(Duration::from_secs(2));
        world.read(LIMITS);
    }
    assert!(world.history.goes_on_from(5));
    world.now.wall = world.begin.wall - Duration::from_secs(3600);
    world.read(LIMITS);
    assert_eq!(world.history.columns().len(), 1);
    assert!(!world.history.goes_on_from(5), "the page is told to forget");
    world.wait(Duration::from_secs(2));
    world.read(LIMITS);
    assert_eq!(world.history.columns().len(), 2);
}

#[test]
fn the_same_snapshot_twice_is_one() {
    let mut world = World::new();
    let claims = world.claims("/a", "running");
    world.happen(&claims, 7, 3);
    world.wait(Duration::from_secs(2));
    let snapshot = Arc::new(world.ledger.snapshot(world.now));
    world.history.record(&snapshot, LIMITS);
    world.history.record(&snapshot, LIMITS);
    assert_eq!(world.sums(&EVENTS).0, 3);
    let by_state: BTreeMap<_, _> =
        world.history.segments().iter().map(|segment| (segment.what.clone(), segment.goes)).collect();
    assert_eq!(by_state.len(), 1);
    claims.into_iter().for_each(|claim| world.ledger.release(claim, world.now));
}
