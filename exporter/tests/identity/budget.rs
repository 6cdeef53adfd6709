//! Five hundred cgroups and places for fifty.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use crate::{
    disk::Disk,
    forms::{Identity, Subject},
    harness::*,
    nest::Nest,
    seen::who,
};

const CGROUPS: u64 = 500;
const PLACES: usize = 50;
const ROUNDS: u64 = 4;

const FOLD: (&str, &str) = ("cgroup", "(all other cgroups)");

/// Writes to a disk of our own, which is all that keeps its name when who did it is folded.
const WRITES: &str = "kernel_block_io_duration_seconds_count";

/// One process goes through all cgroups and writes in each, in every round the same: the first ten
/// ten times as much as the others, and in the order in which they are met.
#[test]
fn fifty_are_named_and_the_fold_has_the_rest() {
    let Some(_turn) = turn() else { return };
    let Ok(disk) = Disk::scratch() else {
        println!("SKIPPED: no loop devices and no scratch disk");
        return;
    };
    let exporter = Exporter::start(&format!(
        "limits: {{slots: 4096, label_sets_per_metric: {PLACES}, label_sets: 100000}}\nkubernetes: {{source: off}}\n"
    ));
    let mut nest = Nest::default();
    let home = nest.make(&format!("/budget-{}", crate::forms::tag()));
    let cgroups: Vec<Cgroup> =
        (0..CGROUPS).map(|number| nest.make(&Subject::new(3000 * 15 + number).path)).collect();
    let mut worker = Worker::spawn("identity", &home, || {}, |job| {
        let mut writes = 0;
        for (number, cgroup) in cgroups.iter().enumerate() {
            cgroup.enter();
            for page in 0..if number < 10 { 10 } else { 1 } {
                disk.direct(true, page, 1, 0).expect("the disk is ours");
                writes += 1;
            }
        }
        home.enter();
        job.set(0, job.get(0) + writes);
    });
    let of_disk = [("device", disk.name.as_str()), ("operation", "write")];
    let begin = Instant::now();
    let mut named_before: Option<BTreeSet<Identity>> = None;
    let mut last: BTreeMap<BTreeMap<String, String>, f64> = BTreeMap::new();
    for round in 0..ROUNDS {
        worker.work();
        let scrape = exporter.scrape();
        last.extend(scrape.series(WRITES, &of_disk).map(|(labels, value)| (labels.clone(), value)));
        let total: f64 = last.values().sum();
        assert_eq!(total as u64, worker.get(0), "round {round}: all writes are somewhere");
        let named: BTreeSet<Identity> = scrape
            .series(WRITES, &of_disk)
            .map(|(labels, _)| who(labels))
            .filter(|who| who.get(FOLD.0).is_none_or(|path| path != FOLD.1))
            .collect();
        assert!((PLACES / 2..=PLACES).contains(&named.len()), "{} are named", named.len());
        if let Some(before) = &named_before {
            // Two a minute may change places with others; here there is no reason to, and hardly the time.
            let minutes = begin.elapsed().as_secs() as usize / 60;
            assert!(before.difference(&named).count() <= 2 * minutes, "round {round}: {before:?}, then {named:?}");
        }
        named_before = Some(named);
        assert_budget_kept(&scrape);
    }
    let scrape = exporter.scrape();
    assert_eq!(scrape.sum("kernel_exporter_dropped_increments_total", &[]), 0);
    drop(worker);
}

/// No metric has more label sets that say who did it than there are places, beside the fold.
fn assert_budget_kept(scrape: &Scrape) {
    let mut label_sets: BTreeMap<&str, BTreeSet<BTreeMap<&str, &str>>> = BTreeMap::new();
    for (name, labels) in scrape.samples.keys() {
        let is_fold = labels.values().any(|value| value.starts_with("(all other"));
        if scrape.is_counter(name) && !who(labels).is_empty() && !is_fold && !name.starts_with("kernel_exporter_") {
            let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            label_sets.entry(name).or_default().insert(labels.filter(|(name, _)| *name != "le").collect());
        }
    }
    assert!(!label_sets.is_empty());
    for (name, label_sets) in label_sets {
        assert!(label_sets.len() <= PLACES, "{name} has {} label sets", label_sets.len());
    }
}
