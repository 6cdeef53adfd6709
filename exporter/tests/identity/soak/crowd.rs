//! Docker's containers without end, each with processes of a moment.

use std::{
    ops::Sub,
    thread,
    time::{Duration, Instant},
};

use crate::{
    forms::{Subject, tag},
    harness::*,
    nest::Nest,
    seen::Seen,
};

/// What is compared with the truth.
pub(super) const METRICS: [&str; 3] = [SCHEDULER, PROCESS, CPU];
const SCHEDULER: &str = "kernel_scheduler_context_switches_total";
const PROCESS: &str = "process_context_switches_total";
const CPU: &str = "process_cpu_time_seconds_total";

/// The cell by which a crowd that goes on by itself is told to stop; before it are the counts.
const STOP: usize = 4;

/// So many containers at a time, with so many processes each.
#[derive(Clone, Copy)]
pub(super) struct Batch {
    pub(super) cgroups: u64,
    pub(super) processes: u64,
}

impl Batch {
    /// Lets them live and die.
    fn run(self, number: &mut u64, job: &Job) {
        for _ in 0..self.cgroups {
            let cgroup = Cgroup::alone_at(&docker(*number).path);
            *number += 1;
            let child = fork(|| {
                cgroup.enter();
                for _ in 1..self.processes {
                    let child = fork(|| busy(Duration::from_micros(100)));
                    add(job, end_of(child).leader);
                }
            });
            add(job, end_of(child).leader);
        }
    }
}

/// With the parent of all these processes they are all that is ours, and the sum over it is what the parent's
/// and the children's `/proc` entries say, although every child moves in the middle of its life.
pub(super) struct Crowd {
    worker: Worker,
    /// What the parent had used before anybody looked.
    own: Counts,
    /// Stays, so that the containers find their parent.
    _first: Cgroup,
    /// The parent's, after whom it goes.
    _home: Cgroup,
}

impl Crowd {
    /// One that runs a batch whenever it is told to.
    pub(super) fn by_batches(nest: &mut Nest, batch: Batch) -> Self {
        let mut number = 1;
        Self::new(nest, move |job| batch.run(&mut number, job))
    }

    /// One that begins a batch every so often until it is stopped; a machine that is too slow for that does what
    /// it can.
    pub(super) fn paced(nest: &mut Nest, batch: Batch, every: Duration) -> Self {
        let mut number = 1;
        Self::new(nest, move |job| {
            while job.get(STOP) == 0 {
                let next = Instant::now() + every;
                batch.run(&mut number, job);
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            job.set(STOP, number - 1);
        })
    }

    fn new(nest: &mut Nest, work: impl FnMut(&Job)) -> Self {
        let first = nest.make(&docker(0).path);
        let home = nest.make(&format!("/soak-{}", tag()));
        let worker = Worker::spawn("identity", &home, || {}, work);
        let own = Counts::of_process(worker.pid);
        Self { worker, own, _first: first, _home: home }
    }

    pub(super) fn run_batch(&mut self) {
        self.worker.work();
    }

    pub(super) fn start(&mut self) {
        self.worker.start();
    }

    /// Stops one that goes on by itself; how many containers there were.
    pub(super) fn stop(&mut self) -> u64 {
        self.worker.set(STOP, 1);
        self.worker.finish();
        self.worker.get(STOP)
    }

    /// What all have used since it was made.
    pub(super) fn used(&self) -> Counts {
        Counts::of_process(self.worker.pid) - self.own + self.worker.counts()
    }
}

/// What has been seen of it. A series that has ended counts with its last value: the exporter keeps it until
/// two scrapes carried it.
pub(super) struct Sums {
    scheduler: [u64; 2],
    process: [u64; 2],
    cpu_ns: f64,
}

impl Sums {
    pub(super) fn of(seen: &Seen) -> Self {
        let sums =
            |name, label| ["voluntary", "involuntary"].map(|kind| seen.total(name, &[(label, kind)]) as u64);
        Self {
            scheduler: sums(SCHEDULER, "type"),
            process: sums(PROCESS, "process_context_switch_type"),
            cpu_ns: seen.total(CPU, &[]) * 1e9,
        }
    }

    pub(super) fn assert_are(&self, truth: Counts) {
        let switches = [truth.voluntary, truth.involuntary];
        assert_eq!([self.scheduler, self.process], [switches; 2]);
        let error = (self.cpu_ns - truth.cpu_ns as f64).abs();
        assert!(error < 1e-6 * self.cpu_ns, "{} ns, in truth {} ns", self.cpu_ns, truth.cpu_ns);
    }
}

impl Sub for Sums {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        let less = |now: [u64; 2], before: [u64; 2]| [now[0] - before[0], now[1] - before[1]];
        Self {
            scheduler: less(self.scheduler, before.scheduler),
            process: less(self.process, before.process),
            cpu_ns: self.cpu_ns - before.cpu_ns,
        }
    }
}

/// A container of Docker's without systemd.
fn docker(number: u64) -> Subject {
    Subject::new((5000 + number) * 15 + 7)
}

/// Adds to the sum over all children.
fn add(job: &Job, counts: Counts) {
    let [voluntary, involuntary, cpu_ns, run_queue_ns] = [0, 1, 2, 3].map(|cell| job.get(cell));
    job.set_counts(Counts { voluntary, involuntary, cpu_ns, run_queue_ns } + counts);
}
