//! Hook family `sched`: loading it, and reading what it has counted.

mod activities;
mod caches;
mod dead;
mod fields;

use std::fs;

use anyhow::{Context as _, Result};
use exporter_common::{
    cgroup::CgroupFields,
    process::{DeadThreads, ExecutableName, ProcessKey, TaskRecord},
    program::ProgramRuns,
    scheduler::{MAX_SLOTS, SCHED_PROGRAMS, SchedCpu, SchedFields, SchedProgram, SchedulerSlot},
    slots::SlotFailures,
};

use super::rung::{Choice, Rung, climb};
use crate::kernel::{
    bpf,
    btf::Btf,
    host::{self, Hierarchy},
    mapped::Mapped,
    object::{HASH_HEAD, Loader, Object},
    slots::{SlotTable, Tenancy},
};
use crate::refusal::NotKept;
use activities::SYSCALL_ACTIVITIES;
use dead::DeadProcesses;

const WITH_TASK_STORAGE: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sched-task-storage.o"));
const WITH_PID_HASH: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sched-pid-hash.o"));

/// Programs and the tracepoints they hang on have the same names.
pub const PROGRAMS: [(SchedProgram, &str); 4] = [
    (SchedProgram::Switch, "sched_switch"),
    (SchedProgram::Migrate, "sched_migrate_task"),
    (SchedProgram::NewTask, "task_newtask"),
    (SchedProgram::Exec, "sched_process_exec"),
];

/// How it can be attached.
pub static RUNGS: [Rung; 2] = [
    Rung {
        name: "tp_btf+task_storage",
        needs: "BTF, task storage for programs on tracepoints (Linux 5.12)",
        task_storage: true,
        ..Rung::tp_btf(WITH_TASK_STORAGE)
    },
    Rung {
        name: "tp_btf+pid_hash",
        limit: Some(
            "threads beyond 32,768 at once have no intervals and latencies, and are counted in \
             kernel_exporter_failures_total{kind=\"task_entry_missing\"}",
        ),
        ..Rung::tp_btf(WITH_PID_HASH)
    },
];

/// Files whose names are kept, when processes are told apart by them.
pub const EXECUTABLES: u32 = 4_096;

/// Slots that are copied before the caches are read. The caches are read once per chunk, so a small chunk
/// costs time on machines with many CPUs, a large one memory.
const CHUNK: usize = 128;

/// What the config asks of this hook family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts {
    /// The `scheduler` collector is on.
    pub scheduler: bool,
    /// It measures how long things took; else it only counts. Never without it.
    pub durations: bool,
    /// The `stalls` collector is on.
    pub stalls: bool,
    /// The scheduler's or the stalls' cgroups are told apart. Never without one of them.
    pub cgroups: bool,
    /// The `process` collector is on.
    pub process: bool,
    /// It tells processes apart by the file that they execute.
    pub executables: bool,
    /// Slots for cgroups.
    pub slots: u32,
    /// Places for processes.
    pub processes: u32,
}

impl Parts {
    /// Whether something is remembered of each task.
    fn keeps_tasks(self) -> bool {
        self.durations || self.stalls || self.process
    }
}

/// The attached hook family. Dropping it detaches its programs.
pub struct Sched {
    object: Object,
    parts: Parts,
    cpus: Mapped<SchedCpu>,
    values: Mapped<SchedulerSlot>,
    slots: SlotTable<u64>,
    tasks: bpf::Iterator,
    dead: DeadProcesses,
    choice: Choice,
    /// Room for reading; see [`CHUNK`].
    copies: Vec<SchedulerSlot>,
    /// Room for reading: what the caches hold, ordered by cell.
    cached: Vec<caches::Cached>,
    /// Room for reading: what the iterator wrote.
    records: Vec<u8>,
}

impl Sched {
    /// Loads and attaches everything that `parts` needs.
    ///
    /// Per-task state is kept in task storage where programs on tracepoints may use it (Linux 5.12), else in
    /// a hash by thread id. Whether they may is not announced anywhere, so it is tried.
    pub fn attach(btf: &Btf, hierarchy: &Hierarchy, parts: Parts) -> Result<Self> {
        if parts.keeps_tasks() {
            require_sched_info()?;
        }
        let cgroup = super::fields::cgroup(btf, hierarchy)?;
        let sched = fields::of(btf, parts)?;
        let ((object, slots, tasks), choice) =
            climb(&RUNGS, |rung| attach(load(parts, rung, &cgroup, &sched)?, btf, parts))?;
        let cpus = object.mapped("CPUS")?;
        let values = object.mapped("SLOTS")?;
        let (dead, copies, cached, records) = Default::default();
        Ok(Self { object, parts, cpus, values, slots, tasks, dead, choice, copies, cached, records })
    }

    /// Which parts are on.
    pub fn parts(&self) -> Parts {
        self.parts
    }

    /// How it is attached.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Ends the tenancy of cgroups that are gone.
    pub fn evict(&mut self, is_gone: impl FnMut(&u64) -> bool) -> Result<()> {
        self.slots.evict(self.object.map("SLOT_OF")?, is_gone).context("cannot end a slot's tenancy")
    }

    /// Goes through all slots that may hold increments, with the values that slot and caches hold together.
    ///
    /// Slots are read before caches: what is written back in between is missing in this read, and comes
    /// with the next one, but is never seen twice.
    pub fn read_slots(&mut self, mut visit: impl FnMut(usize, Tenancy<u64>, &SchedulerSlot)) -> Result<()> {
        let Self { object, cpus, values, slots, copies, cached, .. } = self;
        let in_use = slots.scan(object.map("SLOT_OF")?).context("cannot read the slot table")?;
        for chunk in in_use.chunks(CHUNK) {
            copies.resize_with(chunk.len().max(copies.len()), SchedulerSlot::zeroed);
            for (&(number, _), copy) in chunk.iter().zip(copies.iter_mut()) {
                values.copy(number, copy);
            }
            cached.clear();
            caches::read(cpus, chunk[0].0..=chunk[chunk.len() - 1].0, cached);
            for (&(number, tenancy), copy) in chunk.iter().zip(copies.iter_mut()) {
                caches::add(cached, number, copy);
                visit(number, tenancy, copy);
            }
        }
        slots.settle(object.map("FREE")?).context("cannot free a slot")
    }

    /// What dead threads have left, by process. Places that are still empty may be missing.
    pub fn dead(&mut self) -> Result<&[(ProcessKey, DeadThreads)]> {
        let deaths = self.totals().deaths;
        let Self { object, dead, .. } = self;
        dead.read(deaths, || bpf::entries(object.map("DEAD")?, 256).context("cannot read map `DEAD`"))
    }

    /// The name of an executed file by its key; `None` when it could not be kept.
    pub fn executable(&self, key: u64) -> Result<Option<ExecutableName>> {
        bpf::lookup(self.object.map("EXECUTABLES")?, &key)
            .map_err(|error| anyhow::Error::from(error).context("cannot read map `EXECUTABLES`"))
    }

    /// Forgets the names of all files but those whose keys `is_needed`. Who executes one of them nevertheless
    /// brings the name back.
    pub fn forget_executables(&self, is_needed: impl Fn(u64) -> bool) -> Result<()> {
        let map = self.object.map("EXECUTABLES")?;
        let known = bpf::entries::<u64, ExecutableName>(map, 256).context("cannot read map `EXECUTABLES`")?;
        for (key, _) in known.iter().filter(|(key, _)| !is_needed(*key)) {
            bpf::delete(map, key).context("cannot delete from map `EXECUTABLES`")?;
        }
        Ok(())
    }

    /// How many threads have died, of processes that are still in the map.
    pub fn dead_total(&mut self) -> Result<u64> {
        self.dead.forget();
        Ok(self.dead()?.iter().map(|(_, dead)| dead.threads).sum())
    }

    /// Makes a place for the threads of a living process; whether there is one now.
    pub fn reserve(&self, process: &ProcessKey) -> Result<bool> {
        let empty = DeadThreads::default();
        bpf::insert_new(self.object.map("DEAD")?, process, &empty).context("cannot insert into map `DEAD`")
    }

    /// Forgets a process that has no thread left.
    pub fn forget(&mut self, process: &ProcessKey) -> Result<()> {
        self.dead.forget();
        bpf::delete(self.object.map("DEAD")?, process).map(drop).context("cannot delete from map `DEAD`")
    }

    /// All living threads.
    pub fn living(&mut self) -> Result<impl Iterator<Item = TaskRecord>> {
        self.records.clear();
        self.tasks.run(&mut self.records).context("cannot run the task iterator")?;
        Ok(self.met())
    }

    /// What [`living`](Self::living) gave last.
    pub fn met(&self) -> impl Iterator<Item = TaskRecord> {
        self.records.chunks_exact(size_of::<TaskRecord>()).map(|bytes| {
            // SAFETY: as many bytes as a record has, and a record takes any bytes, aligned or not.
            unsafe { bytes.as_ptr().cast::<TaskRecord>().read_unaligned() }
        })
    }

    /// What the programs have noted about themselves, all CPUs together, without the caches.
    pub fn totals(&self) -> SchedTotals {
        let mut totals = SchedTotals::default();
        for cpu in 0..self.cpus.len() {
            totals.add(self.cpus.at(cpu));
        }
        totals
    }

    /// Slots in use, and all there are.
    pub fn slots(&self) -> (usize, usize) {
        (self.slots.used(), self.slots.len())
    }

    /// Name and size of the maps.
    pub fn map_bytes(&self) -> &[(String, u64)] {
        self.object.map_bytes()
    }

    /// What the kernel knows about a program.
    pub fn program_info(&self, program: &str) -> Option<bpf::ProgramInfo> {
        self.object.program_info(program)
    }
}

/// Entries of every map whose size depends on the machine or the config. What is off still has its maps, with
/// one entry each.
fn sizes(parts: Parts, cpus: u32) -> [(&'static str, u32, usize); 7] {
    let slots = if parts.cgroups { parts.slots.clamp(2, MAX_SLOTS) } else { 1 };
    let processes = if parts.process { parts.processes } else { 1 };
    let executables = if parts.executables { EXECUTABLES } else { 1 };
    [
        ("CPUS", cpus, size_of::<SchedCpu>()),
        ("SLOT_OF", slots, HASH_HEAD + size_of::<u64>() + size_of::<u64>()),
        ("FREE", slots, size_of::<u32>()),
        ("OWNERS", slots, size_of::<u64>()),
        ("SLOTS", slots, size_of::<SchedulerSlot>()),
        ("DEAD", processes, HASH_HEAD + size_of::<ProcessKey>() + size_of::<DeadThreads>()),
        ("EXECUTABLES", executables, HASH_HEAD + size_of::<u64>() + size_of::<ExecutableName>()),
    ]
}

/// Name and bytes of the maps that `parts` leads to on this machine.
pub fn map_bytes(parts: Parts) -> Vec<(String, u64)> {
    let sizes = sizes(parts, host::possible_cpus().unwrap_or(1));
    sizes
        .into_iter()
        .map(|(name, entries, bytes)| (format!("sched {name}"), u64::from(entries) * bytes as u64))
        .collect()
}

/// Loads the object, with sizes for this machine.
fn load(parts: Parts, rung: &Rung, cgroup: &CgroupFields, sched: &SchedFields) -> Result<Object> {
    let mut loader = Loader::new("sched", rung.object)
        .constant("CGROUP", cgroup)
        .constant("FIELDS", sched)
        .constant("SYSCALL_ACTIVITIES", &SYSCALL_ACTIVITIES);
    for (map, entries, _) in sizes(parts, host::possible_cpus()?) {
        loader = loader.size(map, entries);
    }
    if !rung.task_storage {
        let tasks = if parts.keeps_tasks() { host::max_threads().min(MAX_HASHED_TASKS) } else { 1 };
        loader = loader.size("TASKS", tasks);
    }
    loader.load()
}

/// Attaches the programs of a loaded object: when there are slots, new tasks first, then the old ones, then the
/// switches, so that no task is without an entry.
fn attach(mut object: Object, btf: &Btf, parts: Parts) -> Result<(Object, SlotTable<u64>, bpf::Iterator)> {
    let slots = SlotTable::new(object.mapped("OWNERS")?, object.map("FREE")?)
        .context("cannot queue the free slots")?;
    if parts.keeps_tasks() {
        object.attach_tracepoint(btf, "task_newtask")?;
    }
    if parts.executables {
        object.attach_tracepoint(btf, "sched_process_exec")?;
    }
    let tasks = object.task_iterator(btf, "living_tasks")?;
    if parts.keeps_tasks() {
        tasks.run(&mut Vec::new()).context("cannot run the task iterator")?;
    }
    object.attach_tracepoint(btf, "sched_switch")?;
    if parts.scheduler {
        object.attach_tracepoint(btf, "sched_migrate_task")?;
    }
    Ok((object, slots, tasks))
}

/// Threads beyond this number have no entry on kernels without task storage, which is counted.
const MAX_HASHED_TASKS: u32 = 32_768;

/// Without `sched_info` the kernel does not keep how long tasks waited.
fn require_sched_info() -> Result<()> {
    const PATH: &str = "/proc/self/schedstat";
    let line = fs::read_to_string(PATH)
        .with_context(|| format!("cannot read {PATH}; the kernel needs CONFIG_SCHED_INFO=y"))?;
    // The third number counts slices; a process that can read this has had at least one.
    match line.split_whitespace().nth(2) {
        Some("0") | None => Err(NotKept {
            what: format!("the kernel keeps no scheduling delays ({PATH}: {:?})", line.trim()),
            fix: "boot with `schedstats=enable` or `delayacct`",
        }
        .into()),
        Some(_) => Ok(()),
    }
}

/// What the programs have noted about themselves, over all CPUs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchedTotals {
    /// As in [`SchedCpu`].
    pub missing_tasks: u64,
    /// As in [`SchedCpu`].
    pub clamped: u64,
    /// As in [`SchedCpu`].
    pub write_backs: u64,
    /// As in [`SchedCpu`].
    pub unplaced_processes: u64,
    /// As in [`SchedCpu`].
    pub deaths: u64,
    /// As in [`SchedCpu`].
    pub slots: SlotFailures,
    /// Indexed by [`SchedProgram`].
    pub programs: [ProgramRuns; SCHED_PROGRAMS],
}

impl SchedTotals {
    fn add(&mut self, cpu: *const SchedCpu) {
        // SAFETY: volatile copies of fields of an existing entry.
        unsafe {
            self.missing_tasks += (&raw const (*cpu).missing_tasks).read_volatile();
            self.clamped += (&raw const (*cpu).clamped).read_volatile();
            self.write_backs += (&raw const (*cpu).write_backs).read_volatile();
            self.unplaced_processes += (&raw const (*cpu).unplaced_processes).read_volatile();
            self.deaths += (&raw const (*cpu).deaths).read_volatile();
            self.slots += (&raw const (*cpu).slots).read_volatile();
            for (sum, program) in self.programs.iter_mut().zip((&raw const (*cpu).programs).read_volatile()) {
                *sum += program;
            }
        }
    }
}
