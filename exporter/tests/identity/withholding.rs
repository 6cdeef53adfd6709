//! Names that never come, and nobody to ask.

use std::time::Duration;

use crate::{
    api::{Api, wait_until_known},
    forms::{By, Subject},
    harness::*,
    nest::Nest,
    seen::Seen,
};

/// Subjects that are pods' containers, in two forms.
const IN_PODS: [u64; 2] = [1000 * 15, 1000 * 15 + 4];

fn sleeper(cgroup: &Cgroup, sleeps: u32) -> Worker {
    let work = move |_: &Job| (0..sleeps).for_each(|_| std::thread::sleep(Duration::from_micros(200)));
    Worker::spawn("identity", cgroup, || {}, work)
}

fn switches(seen: &Seen, subject: &Subject, is_told: bool) -> Option<f64> {
    let kind = [("process_context_switch_type", "voluntary")];
    let sums = seen.by_identity("process_context_switches_total", &kind);
    sums.get(&subject.identity(By::Container, is_told)).copied()
}

/// The first that is seen of a container is its name, and with it everything that it has done so far.
#[test]
fn a_container_is_not_shown_before_its_name_and_then_whole() {
    let Some(_turn) = turn() else { return };
    let (api, mut nest, mut seen) = (Api::start(), Nest::default(), Seen::default());
    let exporter = Exporter::start(&api.config);
    let subjects = IN_PODS.map(Subject::new);
    let cgroups = subjects.each_ref().map(|subject| nest.make(&subject.path));
    let mut workers = cgroups.each_ref().map(|cgroup| sleeper(cgroup, 7));
    for _ in 0..3 {
        workers.iter_mut().for_each(Worker::work);
        seen.take(&exporter.scrape());
    }
    assert_eq!(seen.identities().first(), None, "shown too early");
    let withheld = [("state", "withheld")];
    assert_eq!(exporter.scrape().sum("kernel_exporter_pod_cgroups", &withheld), 2);

    subjects.iter().for_each(|subject| api.cluster.apply(&subject.pod()));
    wait_until_known(&exporter, 2);
    seen.take(&exporter.scrape());
    for (subject, worker) in subjects.iter().zip(&workers) {
        let truth = Counts::of_process(worker.pid).voluntary;
        assert_eq!(switches(&seen, subject, true), Some(truth as f64), "{}", subject.path);
    }
    assert_eq!(exporter.scrape().sum("kernel_exporter_pod_cgroups", &withheld), 0);
}

/// Without a source of names there is nothing to wait for: a pod's container is known by what its path says.
#[test]
fn without_an_api_everybody_is_shown_at_once() {
    let Some(_turn) = turn() else { return };
    let (mut nest, mut seen) = (Nest::default(), Seen::default());
    let exporter = Exporter::start("kubernetes: {source: off}\n");
    let subjects: Vec<Subject> = (0..15).map(|number| Subject::new(2000 * 15 + number)).collect();
    let cgroups: Vec<Cgroup> = subjects.iter().map(|subject| nest.make(&subject.path)).collect();
    let mut workers: Vec<Worker> = cgroups.iter().map(|cgroup| sleeper(cgroup, 3)).collect();
    workers.iter_mut().for_each(Worker::work);
    seen.take(&exporter.scrape());
    for (subject, worker) in subjects.iter().zip(&workers) {
        let truth = Counts::of_process(worker.pid).voluntary;
        assert_eq!(switches(&seen, subject, false), Some(truth as f64), "{}", subject.path);
    }
}
