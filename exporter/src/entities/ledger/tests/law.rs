//! The law of increments, for random lives.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const METRICS: [&Metric; 3] = [&COUNTER, &DURATIONS, &GAUGE];

/// What may happen. Claims are named by a number, modulo how many there are.
#[derive(Clone, Debug)]
enum Event {
    Claim {
        metric: usize,
        name: usize,
    },
    Record {
        claim: usize,
        by: u64,
        bucket: u16,
    },
    Rename {
        claim: usize,
        name: usize,
    },
    Release {
        claim: usize,
    },
    /// Slot reuse: the tenant is gone, and one of the same name comes.
    Reuse {
        claim: usize,
    },
    /// The names behind a placeholder are known.
    Disclose {
        placeholder: usize,
        name: usize,
    },
    Limits {
        per_metric: usize,
        all: usize,
    },
    Sleep {
        seconds: u64,
    },
    Tick,
    Deliver {
        consumer: usize,
        editions_ago: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let claim = any::<usize>;
    let name = 0..NAMES;
    prop_oneof![
        4 => (0..METRICS.len(), name.clone()).prop_map(|(metric, name)| Event::Claim { metric, name }),
        12 => (claim(), 0..50u64, 0..5u16).prop_map(|(claim, by, bucket)| Event::Record { claim, by, bucket }),
        2 => (claim(), name).prop_map(|(claim, name)| Event::Rename { claim, name }),
        3 => claim().prop_map(|claim| Event::Release { claim }),
        1 => claim().prop_map(|claim| Event::Reuse { claim }),
        2 => (0..PLACEHOLDERS, 0..4usize)
            .prop_map(|(placeholder, name)| Event::Disclose { placeholder, name }),
        1 => (0..6usize, 0..10usize).prop_map(|(per_metric, all)| Event::Limits { per_metric, all }),
        2 => prop_oneof![1..20u64, 50..200u64, Just(400u64)].prop_map(|seconds| Event::Sleep { seconds }),
        4 => Just(Event::Tick),
        4 => (0..3usize, 0..3usize)
            .prop_map(|(consumer, editions_ago)| Event::Deliver { consumer, editions_ago }),
    ]
}

/// Eight cgroups with one of two attribute values, one of the two alone, the fold itself, and two
/// placeholders with one of two attribute values.
const NAMES: usize = 14;

const PLACEHOLDERS: usize = 2;

fn labels(name: usize, disclosed: [u32; PLACEHOLDERS]) -> Labels {
    let switch_type = (&keys::SWITCH_TYPE, if name.is_multiple_of(2) { "voluntary" } else { "involuntary" });
    match name {
        8 => Labels::new([switch_type]),
        9 => Labels::new([switch_type, (&keys::CGROUP, FOLD)]),
        10.. => {
            let number = (name - 10) / 2;
            // Names are told only once: what is claimed after that has another placeholder.
            Labels::new([switch_type, placeholder(&format!("{number} {}", disclosed[number]))])
        }
        _ => Labels::new([switch_type, (&keys::CGROUP, &*format!("/{name}"))]),
    }
}

/// Whether names are still to come.
fn is_hidden(labels: &Labels) -> bool {
    withheld::placeholder_of(labels).is_some()
}

/// A label set of a metric.
type Place = (usize, Labels);

/// A counter is a histogram with one bucket here.
fn add(to: &mut HistogramValue, value: &HistogramValue) {
    for &(number, samples) in &value.buckets {
        to.add(&HistogramDelta { buckets: vec![(number, samples)], sum: 0 });
    }
    to.sum += value.sum;
}

fn counted(total: u64) -> HistogramValue {
    HistogramValue { buckets: if total == 0 { vec![] } else { vec![(0, total)] }, sum: 0 }
}

fn grew(from: &HistogramValue, to: &HistogramValue) -> bool {
    let samples = |number| to.buckets.iter().find(|(n, _)| *n == number).map_or(0, |(_, samples)| *samples);
    from.sum <= to.sum && from.buckets.iter().all(|(number, before)| *before <= samples(*number))
}

#[derive(Default)]
struct Model {
    claims: Vec<(Claim, usize, Labels, i64)>,
    /// What was recorded while these labels were in force.
    recorded: BTreeMap<Place, HistogramValue>,
    /// Every series that was ever in a snapshot, with its last value.
    seen: BTreeMap<(Place, SystemTime), HistogramValue>,
    /// Those that are no longer.
    gone: BTreeSet<(Place, SystemTime)>,
    editions: Vec<Edition>,
    /// How often each placeholder's names were told.
    disclosed: [u32; PLACEHOLDERS],
}

impl Model {
    fn apply(&mut self, event: &Event, bench: &mut Bench) {
        // The clock has some resolution: two series of one name never begin at the same time.
        bench.now.wall += Duration::from_nanos(1);
        let claims = self.claims.len().max(1);
        match *event {
            Event::Claim { metric, name } => {
                let claim = bench.ledger.claim(METRICS[metric], &labels(name, self.disclosed), bench.now);
                self.claims.push((claim, metric, labels(name, self.disclosed), 0));
            }
            Event::Record { claim, by, bucket } => {
                let Some((claim, metric, labels, part)) = self.claims.get_mut(claim % claims) else { return };
                let delta = match METRICS[*metric].kind {
                    Kind::Counter => {
                        bench.ledger.count(claim, by);
                        counted(by)
                    }
                    Kind::Gauge => {
                        *part = by.cast_signed() - 20;
                        bench.ledger.set(claim, *part);
                        return;
                    }
                    Kind::Durations | Kind::Sizes => {
                        let buckets = if by == 0 { vec![] } else { vec![(bucket, by)] };
                        let delta = HistogramDelta { buckets: buckets.clone(), sum: by * 7 };
                        bench.ledger.observe(claim, &delta);
                        HistogramValue { buckets, sum: u128::from(by * 7) }
                    }
                };
                add(self.recorded.entry((*metric, labels.clone())).or_default(), &delta);
            }
            Event::Rename { claim, name } => {
                let Some((claim, _, names, _)) = self.claims.get_mut(claim % claims) else { return };
                *names = labels(name, self.disclosed);
                bench.ledger.rename(claim, names, bench.now);
            }
            Event::Release { claim } if !self.claims.is_empty() => {
                bench.release(self.claims.swap_remove(claim % claims).0);
            }
            Event::Reuse { claim } if !self.claims.is_empty() => {
                let (claim, metric, labels, _) = self.claims.swap_remove(claim % claims);
                bench.release(claim);
                let claim = bench.ledger.claim(METRICS[metric], &labels, bench.now);
                self.claims.push((claim, metric, labels, 0));
            }
            Event::Release { .. } | Event::Reuse { .. } => {}
            Event::Disclose { placeholder, name } => self.disclose(placeholder, name, bench),
            Event::Limits { per_metric, all } => bench.set_limits(per_metric, all),
            Event::Sleep { seconds } => bench.sleep(seconds),
            Event::Tick => bench.ledger.tick(bench.now),
            Event::Deliver { consumer, editions_ago } => {
                let Some(edition) = self.editions.iter().rev().nth(editions_ago) else { return };
                bench.ledger.delivered(&Consumer::new(consumer.to_string()), *edition, bench.now);
            }
        }
    }

    /// What was recorded under the placeholder was recorded under the names all along.
    fn disclose(&mut self, number: usize, name: usize, bench: &mut Bench) {
        let name = format!("/{name}");
        let placeholder = format!("{number} {}", self.disclosed[number]);
        bench.ledger.disclose(&placeholder, &cgroup(&name), bench.now);
        for switch_type in 0..2 {
            let hidden = labels(10 + 2 * number + switch_type, self.disclosed);
            let attribute = hidden.get(&keys::SWITCH_TYPE).expect("all have one");
            let named = Labels::new([(&keys::SWITCH_TYPE, attribute), (&keys::CGROUP, &*name)]);
            for metric in 0..METRICS.len() {
                if let Some(recorded) = self.recorded.remove(&(metric, hidden.clone())) {
                    add(self.recorded.entry((metric, named.clone())).or_default(), &recorded);
                }
            }
            for (_, _, labels, _) in self.claims.iter_mut().filter(|(_, _, labels, _)| *labels == hidden) {
                *labels = named.clone();
            }
        }
        self.disclosed[number] += 1;
    }

    /// Looks at everything, and checks it against all that was ever seen.
    fn check(&mut self, bench: &mut Bench) {
        assert_consistent(&bench.ledger);
        let snapshot = bench.ledger.snapshot(bench.now);
        let edition = snapshot.edition;
        self.editions.push(edition);
        let mut present = BTreeSet::new();
        let mut gauges: BTreeMap<Labels, i64> = BTreeMap::new();
        for family in &snapshot.families {
            let metric = METRICS.iter().position(|metric| *metric == family.metric).expect("one of ours");
            assert!(
                family.series.is_sorted_by(|a, b| a.labels < b.labels),
                "a label set twice or out of order"
            );
            for series in &family.series {
                let value = match &series.value {
                    Value::Gauge(level) => {
                        *gauges.entry(series.labels.folded()).or_default() += level;
                        continue;
                    }
                    Value::Counter(total) => counted(*total),
                    Value::Histogram(value) => (**value).clone(),
                };
                let key = ((metric, series.labels.clone()), series.start);
                assert!(!self.gone.contains(&key), "{key:?} came back");
                let before = self.seen.insert(key.clone(), value.clone()).unwrap_or_default();
                assert!(grew(&before, &value), "{key:?} went back from {before:?} to {value:?}");
                present.insert(key);
            }
        }
        self.gone.extend(self.seen.keys().filter(|key| !present.contains(key)).cloned());
        self.check_increments();
        self.check_gauges(&gauges);
        self.check_sizes(&snapshot, bench);
    }

    /// What was recorded under a name is in the series of that name and in its fold, and nowhere else.
    fn check_increments(&self) {
        let mut folds: BTreeMap<Place, (HistogramValue, HistogramValue)> = BTreeMap::new();
        for ((metric, labels), recorded) in self.recorded.iter().filter(|(place, _)| !is_hidden(&place.1)) {
            add(&mut folds.entry((*metric, labels.folded())).or_default().0, recorded);
        }
        let mut own: BTreeMap<Place, HistogramValue> = BTreeMap::new();
        for (((metric, labels), _), value) in &self.seen {
            add(&mut folds.entry((*metric, labels.folded())).or_default().1, value);
            add(own.entry((*metric, labels.clone())).or_default(), value);
        }
        for (fold, (recorded, shown)) in folds {
            assert_eq!(recorded, shown, "all of {fold:?}");
        }
        for (place, shown) in own.iter().filter(|((_, labels), _)| labels.folded() != *labels) {
            let recorded = self.recorded.get(place).cloned().unwrap_or_default();
            assert!(grew(shown, &recorded), "{place:?} has more than its own");
        }
    }

    fn check_gauges(&self, shown: &BTreeMap<Labels, i64>) {
        let mut levels: BTreeMap<Labels, i64> = BTreeMap::new();
        for (_, metric, labels, part) in &self.claims {
            if METRICS[*metric] != &GAUGE || is_hidden(labels) {
                continue;
            }
            *levels.entry(labels.folded()).or_default() += part;
        }
        assert_eq!(levels, *shown);
    }

    /// Every claim can be seen, and there are no more series than there may be.
    fn check_sizes(&self, snapshot: &Snapshot, bench: &Bench) {
        for (_, metric, labels, _) in self.claims.iter().filter(|(_, _, labels, _)| !is_hidden(labels)) {
            let family = snapshot.families.iter().find(|family| family.metric == METRICS[*metric]);
            let series = &family.expect("a metric with claims is there").series;
            let folded = labels.folded();
            assert!(series.iter().any(|s| s.labels == *labels || s.labels == folded), "{labels:?} not shown");
        }
        let limits = bench.ledger.limits;
        for stats in bench.ledger.stats().metrics {
            // Four label sets cannot be folded: two folds, and the attribute values alone.
            assert!(stats.series <= limits.label_sets_per_metric + 4 + stats.lingering);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_happens_the_law_holds(events in prop::collection::vec(event(), 1..120)) {
        let mut bench = Bench::new(3, 5);
        let mut model = Model::default();
        for event in &events {
            model.apply(event, &mut bench);
            model.check(&mut bench);
        }
    }
}
