//! Three hundred cgroups, and every count under the right labels.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    api::{Api, wait_until_known},
    disk::Disk,
    fleet::{Done, Member, work_all},
    forms::{By, Identity, Subject},
    harness::*,
    nest::Nest,
    seen::Seen,
};

const CGROUPS: u64 = 300;

/// How long names are waited for. Emulated machines need five seconds and more for what others do in one.
fn patience() -> Duration {
    Duration::from_secs(if in_vm() { 40 } else { 15 })
}

/// Room for everybody, and not more lines than are looked at.
const LIMITS: &str = "limits: {slots: 2048, label_sets_per_metric: 100000, label_sets: 1000000}\n\
                      histograms: {classic: false}\n";

const METRICS: [&str; 4] = [CPU, BY_PROCESS, BY_CGROUP, WRITES];
const CPU: &str = "process_cpu_time_seconds_total";
const BY_PROCESS: &str = "process_context_switches_total";
const BY_CGROUP: &str = "kernel_scheduler_context_switches_total";
const WRITES: &str = "kernel_block_io_duration_seconds_count";

/// When the API tells of a pod.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Before its container begins.
    Early,
    /// While its increments wait for a name.
    Late,
    /// When its container is dead and removed.
    AfterDeath,
    Never,
}

/// By a number that has nothing to do with forms, of which there are 15.
fn told(number: u64) -> Told {
    match number / 15 % 5 {
        0 | 1 => Told::Early,
        2 => Told::Late,
        3 => Told::AfterDeath,
        _ => Told::Never,
    }
}

/// Half of them die during the run, among them all whose pods are told after that.
fn dies_early(number: u64) -> bool {
    match told(number) {
        Told::AfterDeath => true,
        Told::Early => number.is_multiple_of(3),
        Told::Late | Told::Never => number.is_multiple_of(2),
    }
}

/// An exporter and everything that it said of our cgroups.
struct Witness {
    by: By,
    exporter: Exporter,
    seen: Seen,
}

impl Witness {
    fn new(by: By, api: &Api) -> Self {
        let by_name = by.name();
        let collectors =
            ["scheduler", "block_io", "process"].map(|name| format!("{name}: {{by: {by_name}}}"));
        let patience = format!("kubernetes: {{patience: {}s, ", patience().as_secs());
        let pods = api.config.replace("kubernetes: {", &patience);
        let config = format!("collectors: {{{}}}\n{LIMITS}{pods}", collectors.join(", "));
        Self { by, exporter: Exporter::start(&config), seen: Seen::only(&METRICS) }
    }

    fn look(&mut self) {
        self.seen.take(&self.exporter.scrape());
    }

    /// Requests without a duration, as far as the exporter knows: from 6.2 the kernel skips a program that has been
    /// interrupted by itself, so that a request's start or end is not seen.
    fn untimed_requests(&self) -> u64 {
        let scrape = self.exporter.scrape();
        let family = ("family", "block");
        scrape.sum("kernel_exporter_failures_total", &[family, ("kind", "start_missed")])
            + scrape.sum("kernel_exporter_program_recursion_misses_total", &[family])
    }

    /// Nobody is shown by any label that only these subjects have.
    fn assert_unseen<'a>(&self, members: impl Iterator<Item = &'a Member>) {
        let seen = self.seen.identities();
        for Member { subject, .. } in members {
            let has = |identity: &Identity| {
                identity.values().any(|value| value.contains(&subject.id) || *value == subject.uid)
            };
            assert_eq!(seen.iter().find(|identity| has(identity)), None, "{} is to wait", subject.path);
        }
    }

    fn assert_exact(&self, members: &[Member], disk: &Disk) {
        let mut truth: BTreeMap<Identity, Done> = BTreeMap::new();
        for member in members {
            let is_told = told_at(member) != Told::Never;
            *truth.entry(member.subject.identity(self.by, is_told)).or_default() += member.done();
        }
        let by = self.by;
        let sums = |name: &str, labels: &[(&str, &str)]| {
            let mut sums = self.seen.by_identity(name, labels);
            for identity in sums.keys() {
                assert!(truth.contains_key(identity), "by {by:?}, {name} has one that isn't: {identity:?}");
            }
            truth
                .iter()
                .map(move |(identity, done)| (identity, done, sums.remove(identity).unwrap_or_default()))
        };
        for (who, done, seconds) in sums(CPU, &[]) {
            let (counted, truth) = (seconds * 1e9, done.by_process.cpu_ns as f64);
            assert!((counted - truth).abs() < 1000.0, "by {by:?}, {who:?}: {counted} ns, in truth {truth}");
        }
        let of_processes = |kind| sums(BY_PROCESS, &[("process_context_switch_type", kind)]);
        for (who, done, counted) in of_processes("voluntary") {
            assert_eq!(counted as u64, done.by_process.voluntary, "by {by:?}, {who:?}");
        }
        for (who, done, counted) in of_processes("involuntary") {
            assert_eq!(counted as u64, done.by_process.involuntary, "by {by:?}, {who:?}");
        }
        let of_cgroups = |kind| sums(BY_CGROUP, &[("type", kind)]);
        for (who, done, counted) in of_cgroups("voluntary") {
            assert!(
                done.voluntary().contains(&(counted as u64)),
                "by {by:?}, {who:?}: {counted} of {done:?}"
            );
        }
        for (who, done, counted) in of_cgroups("involuntary") {
            assert!(
                done.involuntary().contains(&(counted as u64)),
                "by {by:?}, {who:?}: {counted} of {done:?}"
            );
        }
        let device = [("device", disk.name.as_str()), ("operation", "write")];
        let mut missing = 0;
        for (who, done, counted) in sums(WRITES, &device) {
            assert!(counted as u64 <= done.writes, "by {by:?}, {who:?}: {counted} of {}", done.writes);
            missing += done.writes - counted as u64;
        }
        let untimed = self.untimed_requests();
        assert!(missing <= untimed, "by {by:?}: {missing} writes are missing, {untimed} are untimed");
        println!("by {by:?}: {} label sets are exact; {missing} of {untimed} untimed writes", truth.len());
    }
}

fn told_at(member: &Member) -> Told {
    if member.subject.is_in_pod() { told(member.number) } else { Told::Early }
}

/// Every form of cgroup, some of them older than the exporters, half of them gone before the end, and pods whose
/// names come before, during and after their containers' lives, or never. Nothing is shown under a name that
/// isn't final, and in the end nothing is missing and nothing is anywhere else.
#[test]
fn every_count_is_under_the_right_labels() {
    let Some(_turn) = turn() else { return };
    let Ok(disk) = Disk::scratch() else {
        println!("SKIPPED: no loop devices and no scratch disk");
        return;
    };
    let api = Api::start();
    let mut nest = Nest::default();
    let is_old =
        |number: &u64| number.is_multiple_of(2) && matches!(told(*number), Told::Early | Told::Never);
    let mut members: Vec<Member> =
        (0..CGROUPS).filter(is_old).map(|number| Member::new(number, &mut nest, &disk)).collect();
    members.iter_mut().for_each(Member::begin);
    let tell = |when: Told| {
        let subjects = (0..CGROUPS).filter(|number| told(*number) == when).map(Subject::new);
        subjects.filter(Subject::is_in_pod).map(|subject| api.cluster.apply(&subject.pod())).count() as u64
    };
    let mut known = tell(Told::Early);
    let begin = Instant::now();
    let mut witnesses = By::ALL.map(|by| Witness::new(by, &api));
    witnesses.iter().for_each(|witness| wait_until_known(&witness.exporter, known));
    members.extend((0..CGROUPS).filter(|n| !is_old(n)).map(|number| Member::new(number, &mut nest, &disk)));
    println!("made after {:?}", begin.elapsed());

    // Nothing is read in between: names are waited for from the first reading on, and emulated machines are slow.
    work_all(members.iter_mut());
    let has_ended = |member: &&mut Member| told(member.number) == Told::AfterDeath;
    members.iter_mut().filter(has_ended).for_each(Member::end);
    let first_seen = Instant::now();
    witnesses.iter_mut().for_each(Witness::look);
    for witness in witnesses.iter().filter(|witness| witness.by != By::Cgroup) {
        let waits = |member: &&Member| told_at(member) != Told::Early && !is_old(&member.number);
        witness.assert_unseen(members.iter().filter(waits));
    }
    known += tell(Told::Late) + tell(Told::AfterDeath);
    witnesses.iter().for_each(|witness| wait_until_known(&witness.exporter, known));
    assert!(first_seen.elapsed() < patience(), "too slow: names came after {:?}", first_seen.elapsed());
    println!("told after {:?}", begin.elapsed());

    members.iter_mut().filter(|member| dies_early(member.number)).for_each(Member::end);
    witnesses.iter_mut().for_each(Witness::look);
    println!("half are gone after {:?}", begin.elapsed());
    work_all(members.iter_mut());

    wait_for("nobody waits for a name any more", || {
        witnesses.iter_mut().all(|Witness { exporter, seen, .. }| {
            let scrape = exporter.scrape();
            seen.take(&scrape);
            scrape.sum("kernel_exporter_pod_cgroups", &[("state", "withheld")]) == 0
        })
    });
    assert!(first_seen.elapsed() >= patience(), "all were shown after {:?}", first_seen.elapsed());
    println!("all are shown after {:?}", begin.elapsed());
    work_all(members.iter_mut());
    members.iter_mut().for_each(Member::end);
    witnesses.iter_mut().for_each(Witness::look);
    for witness in &witnesses {
        witness.assert_exact(&members, &disk);
    }
    println!("done after {:?}", begin.elapsed());
}
