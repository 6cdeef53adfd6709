//! Which metrics, which segments, which rows.

use super::*;
use crate::{
    catalogue::Key,
    collectors::{registry, stalls::THREAD_TIME},
};

const CGROUPS: &[&Key] = &[&keys::CGROUP];
const STATES: &[&Key] = &[&keys::STATE];
const OPERATIONS: &[&Key] = &[&keys::OPERATION];

static STALLS: Metric = time("kernel.stall.time", STATES);
static OF_ONE_THING: Metric = time("kernel.one.thing.time", OPERATIONS);

const fn time(name: &'static str, attributes: &'static [&'static Key]) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        unit: Unit::Seconds,
        help: "for tests",
        identity: CGROUPS,
        attributes,
        source: "nowhere",
    }
}

fn there() -> Vec<&'static Metric> {
    registry::descriptions().flat_map(|about| about.metrics).copied().collect()
}

#[test]
fn a_counter_that_says_what_threads_did_is_best() {
    let all: Vec<_> = [&OF_ONE_THING].into_iter().chain(there()).collect();
    assert_eq!(Whose::Containers.sources(&all), [&THREAD_TIME]);
    assert!(!Whose::Processes.sources(&all).contains(&&THREAD_TIME), "it does not tell processes apart");
}

#[test]
fn else_time_is_put_together_from_what_there_is() {
    let names = |whose: Whose| -> Vec<_> {
        let there: Vec<_> = there().into_iter().filter(|metric| **metric != THREAD_TIME).collect();
        whose.sources(&there).iter().map(|metric| metric.name).collect()
    };
    let containers = names(Whose::Containers);
    assert!(containers.contains(&"kernel.scheduler.run_queue.latency"), "{containers:?}");
    let processes = names(Whose::Processes);
    assert!(processes.contains(&"kernel.process.run_queue.time"), "{processes:?}");
}

#[test]
fn what_time_goes_to_is_told_by_its_words() {
    for (word, goes) in [
        ("kernel.scheduler.run_queue.latency", Goes::Waiting),
        ("kernel.process.run_queue.time", Goes::Waiting),
        ("kernel.scheduler.on_cpu.duration", Goes::Running),
        ("process.cpu.time", Goes::Running),
        ("running", Goes::Running),
        ("uninterruptible", Goes::Waiting),
        ("block_io", Goes::Waiting),
        ("throttled", Goes::Waiting),
        ("reclaim", Goes::Waiting),
        ("wait_cpu", Goes::Waiting),
        ("poll", Goes::Resting),
        ("interruptible", Goes::Resting),
        ("other_sleep", Goes::Resting),
    ] {
        assert_eq!(Goes::of_word(word), goes, "{word}");
    }
}

#[test]
fn rows_are_those_that_wait_or_run_most_and_nothing_is_missing() {
    let attributes: &'static [&'static Key] = STALLS.attributes;
    let (mut segments, mut names) = (Segments::default(), Names::default());
    let labels =
        |n: u64, state| Labels::new([(&keys::CGROUP, format!("/{n}").as_str()), (&keys::STATE, state)]);
    let series: Vec<Labels> =
        (0..100).flat_map(|n| ["queue", "running"].map(|state| labels(n, state))).collect();
    let mut amounts: HashMap<Who<'_>, Amounts> = HashMap::new();
    for (labels, n) in series.iter().zip(0..) {
        // Those with even numbers wait, and the higher the number the longer; the others run.
        let id = segments.of(&STALLS, labels);
        let is_one = (n / 2 % 2 == 0) == (n % 2 == 0);
        add(amounts.entry(Who { labels, attributes }).or_default(), id, if is_one { 1000 + n } else { 1 });
    }
    let all = |board: &Board| {
        let rows = board.rows().flat_map(|(_, amounts)| amounts).chain(board.rest());
        rows.map(|(_, amount)| amount).sum::<u64>()
    };
    let total = amounts.values().flatten().map(|(_, amount)| amount).sum::<u64>();
    let mut board = Board::new(amounts, &segments, &mut names);
    assert_eq!(
        segments.all().iter().map(|segment| segment.goes).collect::<Vec<_>>(),
        [Goes::Waiting, Goes::Running]
    );
    assert_eq!((all(&board), board.rows().count()), (total, 2 * ROWS));
    let first = board.rows().next().and_then(|(name, _)| name.labels().get(&keys::CGROUP)).map(str::to_owned);
    assert_eq!(first.as_deref(), Some("/98"), "it waits most");
    board.add(&board.clone(), &segments);
    assert_eq!((all(&board), board.rows().count()), (2 * total, 2 * ROWS));
}

#[test]
fn an_attribute_with_too_many_values_has_one_segment_for_the_others() {
    let mut segments = Segments::default();
    let mut of = |n: usize| segments.of(&STALLS, &Labels::new([(&keys::STATE, format!("s{n}").as_str())]));
    let ids: std::collections::BTreeSet<_> = (0..200).map(&mut of).collect();
    assert_eq!(ids.len(), MOST_SEGMENTS + 1);
    assert_eq!(of(1000), of(2000));
    assert_eq!(of(3), 3);
}
