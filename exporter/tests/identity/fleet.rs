//! A crowd of cgroups with a process in each, whose every switch, nanosecond and write is known.

use std::{
    ops::{AddAssign, RangeInclusive},
    time::Duration,
};

use crate::{disk::Disk, forms::Subject, harness::*, nest::Nest};

/// Cells with the switches of a worker just before and just after it entered its cgroup.
const BEFORE: usize = 0;
const AFTER: usize = 4;

/// What was done in a cgroup.
///
/// A process belongs, with all it ever used, to the cgroup in which it is first read. Switches belong to the
/// cgroup in which they happen, and a process that is moved there might sleep on its way: before it is there, or
/// after.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// By the process, in all its life or since the exporter began.
    pub(crate) by_process: Counts,
    /// The fewest switches that can have happened in the cgroup, and the most.
    fewest: Counts,
    most: Counts,
    pub(crate) writes: u64,
}

impl Done {
    /// How many voluntary switches there can have been in the cgroup.
    pub(crate) fn voluntary(&self) -> RangeInclusive<u64> {
        self.fewest.voluntary..=self.most.voluntary
    }

    /// The same for involuntary ones.
    pub(crate) fn involuntary(&self) -> RangeInclusive<u64> {
        self.fewest.involuntary..=self.most.involuntary
    }
}

impl AddAssign for Done {
    fn add_assign(&mut self, other: Self) {
        self.by_process += other.by_process;
        self.fewest += other.fewest;
        self.most += other.most;
        self.writes += other.writes;
    }
}

/// A process in a cgroup of its own.
pub(crate) struct Member {
    pub(crate) number: u64,
    pub(crate) subject: Subject,
    // In this order: the cgroup must be empty to be removed.
    worker: Option<Worker>,
    cgroup: Option<Cgroup>,
    /// What the process had used when the exporter began, if it is older.
    base: Option<Counts>,
    rounds: u64,
    writes: u64,
    done: Done,
}

impl Member {
    /// Makes the cgroup and the process, which sleeps until it is told to work. In every round it sleeps and
    /// writes a page to the disk some times, which are its own, and keeps a CPU busy for milliseconds.
    pub(crate) fn new(number: u64, nest: &mut Nest, disk: &Disk) -> Self {
        let subject = Subject::new(number);
        let cgroup = nest.make(&subject.path);
        let (sleeps, writes) = (1 + number % 5, number % 3);
        let worker = Worker::begin(
            |job| {
                set_command("identity");
                set_switches(job, BEFORE);
                cgroup.enter();
                set_switches(job, AFTER);
            },
            |_| work(disk, sleeps, writes),
        );
        Self {
            number,
            subject,
            worker: Some(worker),
            cgroup: Some(cgroup),
            base: None,
            rounds: 0,
            writes,
            done: Done::default(),
        }
    }

    /// The exporter begins now, while the process sleeps.
    pub(crate) fn begin(&mut self) {
        self.base = self.worker.as_ref().map(|worker| Counts::of_process(worker.pid));
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.worker.is_some()
    }

    /// Ends the process and removes the cgroup.
    pub(crate) fn end(&mut self) {
        let Some(worker) = self.worker.take() else { return };
        let [before, after] = [BEFORE, AFTER].map(|cell| Counts {
            voluntary: worker.get(cell),
            involuntary: worker.get(cell + 1),
            ..Counts::default()
        });
        let total = worker.end();
        self.cgroup = None;
        let base = self.base.unwrap_or_default();
        self.done = Done {
            by_process: total - base,
            fewest: total - self.base.unwrap_or(after),
            most: total - self.base.unwrap_or(before),
            writes: self.rounds * self.writes,
        };
    }

    /// What was done; the process must have ended.
    pub(crate) fn done(&self) -> Done {
        assert!(!self.is_alive());
        self.done
    }
}

/// Lets all that are alive work at the same time, and waits until all sleep.
pub(crate) fn work_all<'a>(members: impl Iterator<Item = &'a mut Member>) {
    let mut alive: Vec<&mut Member> = members.filter(|member| member.is_alive()).collect();
    for member in &mut alive {
        member.rounds += 1;
        member.worker.iter_mut().for_each(Worker::start);
    }
    for member in alive {
        member.worker.iter_mut().for_each(Worker::finish);
    }
}

fn work(disk: &Disk, sleeps: u64, writes: u64) {
    for _ in 0..sleeps {
        std::thread::sleep(Duration::from_micros(200));
    }
    busy(Duration::from_millis(2));
    for number in 0..writes {
        // Not next to each other, or requests of several processes are merged and counted for one of them.
        disk.direct(true, 16 * number, 1, 0).expect("the disk is ours");
    }
}

fn set_switches(job: &Job, cell: usize) {
    let counts = Counts::of_task("self").expect("it is alive");
    job.set(cell, counts.voluntary);
    job.set(cell + 1, counts.involuntary);
}
