//! Collector `process`: from the kernel's sums per task to series.
//!
//! What a process used is the sum over its living threads, which the iterator reads, and over its dead ones,
//! which the switch program has put into a map. The map is read first. So a thread that dies in between is
//! missing in this read, and is there in the next one; it is never in both.
//!
//! A process gets its place in the map of the dead when it is first seen alive, so that none of its threads
//! can ever find the map full. Processes that come and go between two reads take their place when they die;
//! if there is none, their sums go to their cgroup's slot, and from there to the fold. They were never
//! exported under their name, so nothing is counted twice. Processes that get no place while alive are
//! counted in the fold as a whole, for the same reason.

mod groups;
mod metrics;
mod names;

pub use metrics::*;

use anyhow::{Result, ensure};
use exporter_common::process::{DeadThreads, ProcessKey, ProcessTotals, TaskRecord};
use rustc_hash::FxHashMap;

use super::World;
use crate::{
    config::{By, ProcessesBy},
    entities::widen::Counter64,
    hooks::sched::Sched,
    kernel::slots::Tenancy,
};
use groups::{GroupKey, Groups, PARTS, parts};
use names::{NameParts, ProcessNames};

/// The state between two reads.
pub struct Process {
    names: ProcessNames,
    groups: Groups,
    processes: FxHashMap<ProcessKey, Known>,
    /// Per slot: sums of dead processes without a place.
    unplaced: Vec<[Counter64; PARTS]>,
    /// When counting began, by the kernel's monotonic clock: older processes begin with what they have.
    attached_ns: u64,
    read: u64,
}

/// A process that has been seen.
struct Known {
    group: GroupKey,
    /// It has a place in the map of the dead; without one it is in the fold, for good.
    placed: bool,
    cursors: [Counter64; PARTS],
    /// The read in which a thread of it was last alive.
    alive: u64,
}

/// What one read has found of a process.
#[derive(Default)]
struct Found {
    totals: ProcessTotals,
    alive: bool,
    name: NameParts,
    cgroup: u64,
}

impl Process {
    /// Before the first read. `attached_ns` is a time before the programs were attached.
    pub fn new(slots: usize, by: By, processes_by: ProcessesBy, attached_ns: u64) -> Self {
        let names = ProcessNames::new(processes_by);
        Self {
            groups: Groups::new(by, names.key()),
            names,
            processes: FxHashMap::default(),
            unplaced: vec![Default::default(); slots],
            attached_ns,
            read: 0,
        }
    }

    /// Tells processes apart in this way from now on.
    pub fn adopt(&mut self, by: By, processes_by: ProcessesBy) {
        if (by, processes_by) != (self.groups.by(), self.names.by()) {
            self.names.adopt(processes_by);
            self.groups.adopt(by, self.names.key());
        }
    }

    /// Gives all claims back.
    pub fn close(&mut self, world: &mut World) {
        self.processes.clear();
        self.groups.close(world);
    }

    /// Reads all processes.
    pub fn read(&mut self, sched: &mut Sched, world: &mut World) -> Result<()> {
        let unplaced_before = sched.totals().unplaced_processes;
        let found = if self.read == 0 { find_at_rest(sched)? } else { find(sched, self.processes.len())? };
        // A thread that found no place during this read may belong to a process that is seen for the first
        // time in it. Such processes wait for the next read: they must not be exported twice.
        let quiet = sched.totals().unplaced_processes == unplaced_before;
        self.read += 1;
        for (key, found) in found {
            if self.processes.contains_key(&key) || !found.alive || quiet {
                self.take(key, &found, sched, world)?;
            }
        }
        self.names.forget_unused(sched)?;
        self.end_the_gone(sched, world)
    }

    /// Takes one process' increments.
    fn take(&mut self, key: ProcessKey, found: &Found, sched: &Sched, world: &mut World) -> Result<()> {
        let known = match self.processes.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                let placed = !found.alive || sched.reserve(&key)?;
                let group = self.groups.of(found, placed, &mut self.names, sched, world)?;
                self.groups.join(&group, world);
                let mut cursors = [Counter64::default(); PARTS];
                if key.leader_start < self.attached_ns {
                    cursors = parts(&found.totals).map(Counter64::starting_at);
                }
                vacant.insert(Known { group, placed, cursors, alive: 0 })
            }
        };
        if found.alive {
            known.alive = self.read;
            let group = self.groups.of(found, known.placed, &mut self.names, sched, world)?;
            if group != known.group {
                self.groups.join(&group, world);
                self.groups.leave(&known.group, world);
                known.group = group;
            }
        }
        let increments = advance(&mut known.cursors, &found.totals, world);
        self.groups.count(&known.group, increments, world);
        Ok(())
    }

    /// Forgets processes of which no thread was alive in two reads. After one read a thread may still be on
    /// the way between being skipped by the iterator and being in the map.
    fn end_the_gone(&mut self, sched: &mut Sched, world: &mut World) -> Result<()> {
        let Self { processes, groups, read, .. } = self;
        let mut result = Ok(());
        processes.retain(|key, known| {
            known.alive = known.alive.max(read.saturating_sub(2));
            if known.alive + 2 > *read {
                return true;
            }
            groups.leave(&known.group, world);
            result = std::mem::replace(&mut result, Ok(())).and(sched.forget(key));
            false
        });
        result
    }

    /// Takes what dead processes without a place have left in a slot.
    pub fn visit(&mut self, slot: usize, tenancy: Tenancy<u64>, totals: &ProcessTotals, world: &mut World) {
        if *totals == ProcessTotals::default() {
            return;
        }
        let increments = advance(&mut self.unplaced[slot], totals, world);
        if increments == [0; PARTS] {
            return;
        }
        let who = match tenancy {
            Tenancy::Goes(id) | Tenancy::Began(id) | Tenancy::Ends(id) => Some(world.identities.who(id)),
            Tenancy::Fold => None,
        };
        let group = self.groups.key(None, who);
        self.groups.join(&group, world);
        self.groups.count(&group, increments, world);
        self.groups.leave(&group, world);
    }
}

impl Groups {
    fn of(
        &self,
        found: &Found,
        placed: bool,
        names: &mut ProcessNames,
        sched: &Sched,
        world: &mut World,
    ) -> Result<GroupKey> {
        if !placed {
            return Ok(self.key(None, None));
        }
        let name = names.of(&found.name, sched)?;
        Ok(self.key(Some(name), Some(world.identities.who(found.cgroup))))
    }
}

fn advance(cursors: &mut [Counter64; PARTS], totals: &ProcessTotals, world: &mut World) -> [u64; PARTS] {
    let mut increments = parts(totals);
    for (cursor, part) in cursors.iter_mut().zip(&mut increments) {
        *part = world.books.increment(cursor.advance(*part));
    }
    increments
}

/// Reads the dead, then the living.
fn find(sched: &mut Sched, expected: usize) -> Result<FxHashMap<ProcessKey, Found>> {
    let mut all: FxHashMap<ProcessKey, Found> = FxHashMap::default();
    all.reserve(expected);
    for &(key, dead) in sched.dead()? {
        let DeadThreads { totals, cgroup, comm, flags, executable, .. } = dead;
        let name = NameParts { comm, executable, flags, pid: key.tgid };
        all.insert(key, Found { totals, alive: false, name, cgroup });
    }
    for TaskRecord { process, totals, cgroup, comm, pid, flags, executable, .. } in sched.living()? {
        let found = all.entry(process).or_default();
        found.totals += totals;
        if !found.alive || pid == process.tgid {
            found.name = NameParts { comm, executable, flags, pid: process.tgid };
            found.cgroup = cgroup;
        }
        found.alive = true;
    }
    Ok(all)
}

/// As [`find`], at a moment in which no thread died in between: what old processes begin with must not
/// lack a thread that shows up later with all it ever used.
fn find_at_rest(sched: &mut Sched) -> Result<FxHashMap<ProcessKey, Found>> {
    const ATTEMPTS: u32 = 100;
    for _ in 0..ATTEMPTS {
        let before = sched.dead_total()?;
        let found = find(sched, 0)?;
        if sched.dead_total()? == before {
            return Ok(found);
        }
    }
    ensure!(false, "threads die too fast for a first reading of all processes");
    find(sched, 0)
}
