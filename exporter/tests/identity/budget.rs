//! Five hundred cgroups and places for fifty, for more and for fewer.

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
/// In each round. In between the config is reloaded, unless it is the same budget.
const PLACES: [usize; 8] = [50, 50, 50, 120, 120, 20, 50, 50];

const FOLD: (&str, &str) = ("cgroup", "(all other cgroups)");

/// Times that a process was stopped. Nobody else on the machine is, so what is folded is known as well.
const STOPS: &str = "kernel_scheduler_off_cpu_duration_seconds_count";
const STOPPED: [(&str, &str); 1] = [("state", "other")];

/// One process goes through all cgroups and is stopped in each, in every round as often, and in the first ten
/// ten times as often as in the others.
#[test]
fn some_are_named_and_the_fold_has_the_rest() {
    let Some(_turn) = turn() else { return };
    let config = |places: usize| {
        format!(
            "limits: {{slots: 4096, label_sets_per_metric: {places}, label_sets: 100000}}\nkubernetes: {{source: off}}\n"
        )
    };
    let exporter = Exporter::start(&config(PLACES[0]));
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
    let mut reloaded = 0;
    let mut named_before: Option<BTreeSet<Identity>> = None;
    // Where a round takes long, places change hands by themselves after a minute, and a series that ends and begins
    // again with the same value would not be noticed: none gets its place back there.
    let rounds = if in_vm() { &PLACES[2..6] } else { &PLACES[..] };
    let mut stopped = Stops::default();
    for (round, &places) in rounds.iter().enumerate() {
        if round > 0 && places != rounds[round - 1] {
            exporter.begin_reload(&config(places));
            named_before = None;
            reloaded += 1;
            wait_for("the config is in force", || {
                let scrape = exporter.scrape();
                stopped.take(&scrape);
                scrape.sum("kernel_exporter_config_reloads_total", &[("result", "applied")]) == reloaded
            });
            // Who has lost a place stays until everybody has seen the last value twice.
            (0..2).for_each(|_| stopped.take(&exporter.scrape()));
        }
        worker.work();
        let scrape = exporter.scrape();
        stopped.take(&scrape);
        let (stops, truth) = (stopped.total() - before, worker.get(0));
        // Two a minute change places by themselves, and one that comes as far again as it had come is not noticed.
        let unnoticed = 2 * (begin.elapsed().as_secs() / 60);
        assert!(
            (truth - unnoticed..=truth + truth / parked).contains(&stops),
            "round {round}: {stops} stops, in truth {truth}"
        );
        let named: BTreeSet<Identity> = scrape
            .series(STOPS, &STOPPED)
            .map(|(labels, _)| who(labels))
            .filter(|who| who.get(FOLD.0).is_none_or(|path| path != FOLD.1))
            .collect();
        assert!((10..=places).contains(&named.len()), "{} are named", named.len());
        if let Some(before) = &named_before {
            // Two a minute may change places with others; here there is no reason to, and hardly the time.
            let minutes = begin.elapsed().as_secs() as usize / 60;
            assert!(
                before.difference(&named).count() <= 2 * minutes,
                "round {round}: {before:?}, then {named:?}"
            );
        }
        named_before = Some(named);
        assert_budget_kept(&scrape, places);
    }
    let scrape = exporter.scrape();
    assert_eq!(scrape.sum("kernel_exporter_dropped_increments_total", &[]), 0);
    drop(worker);
}

/// What all series have come to.
#[derive(Default)]
struct Stops {
    last: BTreeMap<BTreeMap<String, String>, f64>,
    ended: f64,
}

impl Stops {
    /// To be called with every scrape: a series that has ended begins at zero when its place is given back, and may
    /// soon have come as far as before.
    fn take(&mut self, scrape: &Scrape) {
        let now: BTreeMap<_, _> =
            scrape.series(STOPS, &STOPPED).map(|(labels, value)| (labels.clone(), value)).collect();
        for (labels, before) in std::mem::take(&mut self.last) {
            if now.get(&labels).is_none_or(|value| *value < before) {
                self.ended += before;
            }
        }
        self.last = now;
    }

    fn total(&self) -> u64 {
        (self.last.values().sum::<f64>() + self.ended) as u64
    }
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
fn assert_budget_kept(scrape: &Scrape, places: usize) {
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
        assert!(label_sets.len() <= places, "{name} has {} label sets", label_sets.len());
    }
}
