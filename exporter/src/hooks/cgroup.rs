//! Hook family `cgroup`: births, renames and deaths of cgroups as they happen.

mod backlog;
mod listener;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result};
use aya::maps::{Map, MapData, RingBuf};
use exporter_common::{
    cgroup::{CGROUP_PROGRAMS, CgroupCpu, CgroupEventFailures, CgroupProgram},
    program::ProgramRuns,
};

pub use self::backlog::{Event, Events};
use self::{backlog::Backlog, listener::Listener};
use super::{
    fields,
    rung::{Choice, Rung, climb},
};
use crate::kernel::{bpf, btf::Btf, host, host::Hierarchy, mapped::Mapped, object::Loader, object::Object};

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/cgroup.o"));

/// Programs and the tracepoints they hang on have the same names.
pub const PROGRAMS: [(CgroupProgram, &str); CGROUP_PROGRAMS] = [
    (CgroupProgram::Mkdir, "cgroup_mkdir"),
    (CgroupProgram::Rename, "cgroup_rename"),
    (CgroupProgram::Rmdir, "cgroup_rmdir"),
];

/// How births and deaths of cgroups are learned. The second rung takes no hook at all.
pub static RUNGS: [Rung; 2] = [
    Rung { needs: "BTF, no lockdown=confidentiality", ..Rung::tp_btf(OBJECT) },
    Rung {
        name: "walk",
        needs: "nothing",
        loses: Some(
            "names of cgroups that live less than a minute: what they did is shown by their id; \
             what is gone is noticed up to a minute later",
        ),
        limit: None,
        object: &[],
        task_storage: false,
    },
];

/// Size of the ring buffer unless told otherwise: some thousand events.
pub const RING_BYTES: u32 = 512 << 10;

/// Name and bytes of the maps, with a ring buffer of the usual size.
pub fn map_bytes() -> Vec<(String, u64)> {
    let cpus = u64::from(host::possible_cpus().unwrap_or(1));
    let ring = u64::from(RING_BYTES.next_power_of_two());
    vec![("cgroup CPUS".to_owned(), cpus * size_of::<CgroupCpu>() as u64), ("cgroup EVENTS".to_owned(), ring)]
}

/// The attached hook family. Dropping it ends its thread and detaches its programs.
pub struct Cgroup {
    object: Object,
    cpus: Mapped<CgroupCpu>,
    inbox: Arc<Mutex<Inbox>>,
    listener: Option<Listener>,
}

/// Where events arrive, and where they wait for the next read. One lock for both keeps them in order.
struct Inbox {
    ring: RingBuf<MapData>,
    backlog: Backlog,
}

impl Inbox {
    /// Moves what has arrived to where it waits.
    fn receive(&mut self) {
        while let Some(record) = self.ring.next() {
            self.backlog.push(&record);
        }
    }
}

/// Attaches the programs, or finds that the tree must be walked instead.
pub fn attach_or_walk(btf: &Btf, hierarchy: &Hierarchy, ring_bytes: u32) -> (Option<Cgroup>, Choice) {
    let attach = |rung: &Rung| match rung.object {
        [] => Ok(None),
        _ => Cgroup::attach(btf, hierarchy, ring_bytes).map(Some),
    };
    climb(&RUNGS, attach).expect("the last rung takes no hook, so nothing can refuse it")
}

impl Cgroup {
    /// Loads and attaches the programs. From now on events arrive, in a ring buffer of `ring_bytes`, which
    /// is rounded up to a power of two.
    pub fn attach(btf: &Btf, hierarchy: &Hierarchy, ring_bytes: u32) -> Result<Self> {
        let fields = fields::cgroup(btf, hierarchy)?;
        let mut object = Loader::new("cgroup", OBJECT)
            .constant("CGROUP", &fields)
            .size("CPUS", host::possible_cpus()?)
            .size("EVENTS", ring_bytes.next_power_of_two())
            .load()?;
        let cpus = object.mapped("CPUS")?;
        let inbox = Arc::new(Mutex::new(Inbox { ring: ring(&object)?, backlog: Backlog::default() }));
        // Deaths first: a birth that is seen is followed by its death.
        for (_, tracepoint) in PROGRAMS.iter().rev() {
            object.attach_tracepoint(btf, tracepoint)?;
        }
        Ok(Self { object, cpus, inbox, listener: None })
    }

    /// Starts a thread that empties the ring buffer between two reads.
    pub fn listen(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            self.listener = Some(Listener::start(Arc::clone(&self.inbox))?);
        }
        Ok(())
    }

    /// All events since the last call, in order.
    pub fn drain(&mut self) -> Events {
        // Whatever was dropped by now came after events that are drained below, so that a walk of the tree
        // after them finds out what was dropped. What is dropped later shows in the next call.
        let dropped = self.totals().failures.dropped;
        let mut inbox = lock(&self.inbox);
        inbox.receive();
        inbox.backlog.take(dropped)
    }

    /// What the programs have noted about themselves, all CPUs together.
    pub fn totals(&self) -> CgroupTotals {
        let mut totals = CgroupTotals::default();
        for cpu in 0..self.cpus.len() {
            totals.add(&self.cpus.get(cpu));
        }
        totals
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

/// The ring buffer, with a file descriptor of its own.
fn ring(object: &Object) -> Result<RingBuf<MapData>> {
    let fd = object.map("EVENTS")?.try_clone_to_owned()?;
    let map = Map::RingBuf(MapData::from_fd(fd)?);
    RingBuf::try_from(map).context("cannot map the ring buffer `EVENTS` into memory")
}

/// Events are whole records, so a thread that panicked while it held the lock left nothing half done.
fn lock(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the programs have noted about themselves, over all CPUs.
#[derive(Clone, Copy, Debug, Default)]
pub struct CgroupTotals {
    /// As in [`CgroupCpu`].
    pub failures: CgroupEventFailures,
    /// Indexed by [`CgroupProgram`].
    pub programs: [ProgramRuns; CGROUP_PROGRAMS],
}

impl CgroupTotals {
    fn add(&mut self, cpu: &CgroupCpu) {
        self.failures += cpu.failures;
        for (sum, program) in self.programs.iter_mut().zip(cpu.programs) {
            *sum += program;
        }
    }
}
