//! Five hundred cgroups and places for fifty.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Instant,
};

use crate::{
    forms::{Identity, Subject},
    harness::*,
    nest::Nest,
    seen::who,
};

const CGROUPS: u64 = 500;
const PLACES: usize = 50;
const ROUNDS: u64 = 4;

const FOLD: (&str, &str) = ("cgroup", "(all other cgroups)");

/// Times that a process was stopped. Nobody else on the machine is, so what is folded is known as well.
const STOPS: &str = "kernel_scheduler_off_cpu_duration_seconds_count";
const STOPPED: [(&str, &str); 1] = [("state", "other")];

/// One process goes through all cgroups and is stopped in each, in every round as often, and in the first ten
/// ten times as often as in the others.
#[test]
fn fifty_are_named_and_the_fold_has_the_rest() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&format!(
        "limits: {{slots: 4096, label_sets_per_metric: {PLACES}, label_sets: 100000}}\nkubernetes: {{source: off}}\n"
    ));
    let mut nest = Nest::default();
    let home = nest.make(&format!("/budget-{}", crate::forms::tag()));
    let cgroups: Vec<Cgroup> =
        (0..CGROUPS).map(|number| nest.make(&Subject::new(3000 * 15 + number).path)).collect();
    let mut worker = Worker::spawn(
        "identity",
        &home,
        || {},
        |job| {
            let wanderer = fork(|| {
                for (number, cgroup) in cgroups.iter().enumerate() {
                    cgroup.enter();
                    for _ in 0..if number < 10 { 10 } else { 1 } {
                        // SAFETY: no preconditions.
                        assert_eq!(unsafe { libc::raise(libc::SIGSTOP) }, 0);
                    }
                }
            });
            job.set(0, job.get(0) + continue_until_end(wanderer));
        },
    );
    // Kernel threads were stopped before.
    let before = exporter.scrape().sum(STOPS, &STOPPED);
    // Linux 5.10 parks kernel threads now and then, ten or so in a round; others don't.
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("proc is mounted");
    let parked = if release.starts_with("5.10.") { 20 } else { u64::MAX };
    let begin = Instant::now();
    let mut named_before: Option<BTreeSet<Identity>> = None;
    let mut last: BTreeMap<BTreeMap<String, String>, f64> = BTreeMap::new();
    for round in 0..ROUNDS {
        worker.work();
        let scrape = exporter.scrape();
        last.extend(scrape.series(STOPS, &STOPPED).map(|(labels, value)| (labels.clone(), value)));
        let total: f64 = last.values().sum();
        let (stops, truth) = (total as u64 - before, worker.get(0));
        assert!(
            (truth..=truth + truth / parked).contains(&stops),
            "round {round}: {stops} stops, in truth {truth}"
        );
        let named: BTreeSet<Identity> = scrape
            .series(STOPS, &STOPPED)
            .map(|(labels, _)| who(labels))
            .filter(|who| who.get(FOLD.0).is_none_or(|path| path != FOLD.1))
            .collect();
        assert!((10..=PLACES).contains(&named.len()), "{} are named", named.len());
        if let Some(before) = &named_before {
            // Two a minute may change places with others; here there is no reason to, and hardly the time.
            let minutes = begin.elapsed().as_secs() as usize / 60;
            assert!(
                before.difference(&named).count() <= 2 * minutes,
                "round {round}: {before:?}, then {named:?}"
            );
        }
        named_before = Some(named);
        assert_budget_kept(&scrape);
    }
    let scrape = exporter.scrape();
    assert_eq!(scrape.sum("kernel_exporter_dropped_increments_total", &[]), 0);
    drop(worker);
}

/// Lets a child go on whenever it stops; how often that was.
fn continue_until_end(child: libc::pid_t) -> u64 {
    let mut stops = 0;
    loop {
        let mut status = 0;
        // SAFETY: a place for the status.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, libc::WUNTRACED) }, child);
        if !libc::WIFSTOPPED(status) {
            assert_eq!(status, 0, "the child has failed");
            return stops;
        }
        // It sleeps only when it has left its CPU: continued before, it would not have been away.
        wait_until_off_cpu(&child.to_string());
        stops += 1;
        // SAFETY: the child has not been waited for, so the id is its own.
        assert_eq!(unsafe { libc::kill(child, libc::SIGCONT) }, 0);
    }
}

/// No metric has more label sets that say who did it than there are places, beside the fold.
fn assert_budget_kept(scrape: &Scrape) {
    let mut label_sets: BTreeMap<&str, BTreeSet<BTreeMap<&str, &str>>> = BTreeMap::new();
    for (name, labels) in scrape.samples.keys() {
        let is_fold = labels.values().any(|value| value.starts_with("(all other"));
        if scrape.is_counter(name)
            && !who(labels).is_empty()
            && !is_fold
            && !name.starts_with("kernel_exporter_")
        {
            let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            label_sets.entry(name).or_default().insert(labels.filter(|(name, _)| *name != "le").collect());
        }
    }
    assert!(!label_sets.is_empty());
    for (name, label_sets) in label_sets {
        assert!(label_sets.len() <= PLACES, "{name} has {} label sets", label_sets.len());
    }
}
