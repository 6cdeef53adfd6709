//! Hook families with rows: loading one, and reading what it has counted. What is the same in all of them is here; which
//! programs they have and what their rows mean, their collectors say ([`crate::collectors::rows`]).

mod sockets;
mod table;

pub use table::{Row, Table, Whose};

use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};
use exporter_common::{
    Plain,
    histogram::Durations,
    program::ProgramRuns,
    rows::{FIRST_FIXED, ROWS_NOTES, ROWS_PROGRAMS, RowKey, RowsCpu, RowsFields},
    slots::SlotFailures,
};

use super::rung::{Choice, Missing, Rung, climb};
use crate::{
    kernel::{
        bpf,
        btf::Btf,
        host::{self, Hierarchy},
        mapped::Mapped,
        object::{HASH_HEAD, Loader, Object},
    },
    refusal::{Reason, Refusal},
};

/// Most blocks of fixed rows. More would take memory where there are many CPUs, fewer let them wait for each other.
const MAX_SHARDS: u32 = 16;

/// What a program hangs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hook {
    /// The typed tracepoint of the same name.
    Tracepoint,
    /// The entry of this function of the kernel.
    Entry(&'static str),
    /// The return of this function of the kernel.
    Exit(&'static str),
    /// What the sockets of all cgroups call.
    Sockets,
}

/// A program that is to be attached.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name in the object.
    pub name: &'static str,
    /// Its number in [`RowsCpu::programs`].
    pub number: u32,
    /// What it hangs on.
    pub hook: Hook,
    /// What is not told without it; `None` when nothing can be told without it.
    pub loses: Option<&'static str>,
}

/// What a hook family with rows is made of.
pub struct Plan<F> {
    /// Its name.
    pub family: &'static str,
    /// The ways to attach it, best first.
    pub rungs: &'static [Rung],
    /// The object's constant `FIELDS`.
    pub fields: F,
    /// The programs, in the order in which they are attached.
    pub programs: Vec<Program>,
    /// What is known to be missing without trying.
    pub missing: Vec<Missing>,
    /// Numbers, sizes and labels of rows.
    pub layout: Layout,
    /// Name, entries and bytes of an entry of the object's other maps.
    pub maps: Vec<(&'static str, u32, usize)>,
}

/// How many rows there are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Cgroups are told apart.
    pub keep_cgroup: bool,
    /// Durations are measured.
    pub durations: bool,
    /// What the fixed counters count.
    pub fixed_counters: Vec<RowKey>,
    /// What the fixed histograms measure.
    pub fixed_histograms: Vec<RowKey>,
    /// Counters for tenants.
    pub counters: u32,
    /// Histograms for tenants.
    pub histograms: u32,
}

impl Layout {
    fn fields(&self) -> RowsFields {
        RowsFields {
            keep_cgroup: u32::from(self.keep_cgroup),
            durations: u32::from(self.durations),
            shard_mask: shards() - 1,
            fixed_counters: self.fixed_counters.len() as u32,
            fixed_histograms: self.fixed_histograms.len() as u32,
            block_per_cpu: u32::from(host::possible_cpus().is_ok_and(|cpus| cpus == shards())),
        }
    }

    /// Rows that never have a tenant, and all.
    fn rows(fixed: usize, tenants: u32) -> (u32, u32) {
        let reserved = FIRST_FIXED + fixed as u32 * shards();
        (reserved, reserved + tenants)
    }

    /// Every map with its entries and the bytes of one.
    pub fn sizes(&self) -> [(&'static str, u32, usize); 9] {
        let (_, counters) = Self::rows(self.fixed_counters.len(), self.counters);
        let fixed_histograms = if self.durations { self.fixed_histograms.len() } else { 0 };
        let tenants = if self.durations { self.histograms } else { 0 };
        let (_, histograms) = Self::rows(fixed_histograms, tenants);
        let index = HASH_HEAD + size_of::<RowKey>() + size_of::<u64>();
        [
            ("CPUS", host::possible_cpus().unwrap_or(1), size_of::<RowsCpu>()),
            ("COUNTER_OF", self.counters.max(1), index),
            ("FREE_COUNTERS", self.counters.max(1), size_of::<u32>()),
            ("COUNTER_OWNERS", counters, size_of::<RowKey>()),
            ("COUNTERS", counters, size_of::<u64>()),
            ("HISTOGRAM_OF", tenants.max(1), index),
            ("FREE_HISTOGRAMS", tenants.max(1), size_of::<u32>()),
            ("HISTOGRAM_OWNERS", histograms, size_of::<RowKey>()),
            ("HISTOGRAMS", histograms, size_of::<Durations>()),
        ]
    }
}

/// Blocks of fixed rows, a power of two: as many as CPUs, so that they do not wait for each other.
fn shards() -> u32 {
    let cpus = host::possible_cpus().unwrap_or(1);
    (1 << cpus.ilog2()).min(MAX_SHARDS)
}

/// An attached hook family with rows. Dropping it detaches its programs.
pub struct RowsHook {
    counters: Table<u64>,
    histograms: Table<Durations>,
    object: Object,
    cpus: Mapped<RowsCpu>,
    attached: Vec<Program>,
    choice: Choice,
}

impl RowsHook {
    /// Loads the object, with sizes for this machine, and attaches the programs. One that the kernel refuses is missing
    /// if the rest can do without it.
    ///
    /// `prepare` fills maps before anything is attached.
    pub fn attach<F: Plain>(
        btf: &Btf,
        hierarchy: &Hierarchy,
        plan: Plan<F>,
        mut prepare: impl FnMut(&Object) -> Result<()>,
    ) -> Result<Self> {
        let Plan { family, rungs, fields, programs, missing, layout, maps } = plan;
        let cgroup = super::fields::cgroup(btf, hierarchy)?;
        let rows = layout.fields();
        let sizes: Vec<_> = layout.sizes().into_iter().chain(maps).collect();
        let fixed_histograms: &[RowKey] = if layout.durations { &layout.fixed_histograms } else { &[] };
        let (attached, choice) = climb(rungs, |rung| {
            let mut loader = Loader::new(family, rung.object)
                .constant("CGROUP", &cgroup)
                .constant("ROW_FIELDS", &rows)
                .constant("FIELDS", &fields);
            for (map, entries, _) in &sizes {
                loader = loader.size(map, *entries);
            }
            let mut object = loader.load()?;
            // Programs find free rows from the first on.
            let counters = Table::new(&object, &table::COUNTERS, &layout.fixed_counters)?;
            let histograms = Table::new(&object, &table::HISTOGRAMS, fixed_histograms)?;
            let cpus = object.mapped("CPUS")?;
            prepare(&object)?;
            let (attached, refused) = attach_all(&mut object, btf, &programs, &missing)?;
            Ok((counters, histograms, object, cpus, attached, refused))
        })?;
        let (counters, histograms, object, cpus, attached, refused) = attached;
        let choice = choice.without(missing).without(refused);
        Ok(Self { counters, histograms, object, cpus, attached, choice })
    }

    /// How it is attached.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Counters, histograms of durations, and the object, for maps of its collector's own.
    pub fn parts(&mut self) -> (&mut Table<u64>, &mut Table<Durations>, &Object) {
        (&mut self.counters, &mut self.histograms, &self.object)
    }

    /// The programs that are attached, with what they have noted and what the kernel knows of them.
    pub fn programs(&self) -> impl Iterator<Item = (&Program, ProgramRuns, bpf::ProgramInfo)> {
        let totals = self.totals();
        self.attached.iter().filter_map(move |program| {
            let runs = totals.programs[program.number as usize];
            Some((program, runs, self.object.program_info(program.name)?))
        })
    }

    /// Rows of the table of counters and of that of histograms.
    pub fn len(&self) -> (usize, usize) {
        (self.counters.len(), self.histograms.len())
    }

    /// Rows for tenants in use, and all there are, of both tables.
    pub fn rows(&self) -> (usize, usize) {
        let (counters, all_counters) = self.counters.rows();
        let (histograms, all_histograms) = self.histograms.rows();
        (counters + histograms, all_counters + all_histograms)
    }

    /// Name and size of the maps.
    pub fn map_bytes(&self) -> &[(String, u64)] {
        self.object.map_bytes()
    }

    /// What the programs have noted about themselves, all CPUs together.
    pub fn totals(&self) -> RowsTotals {
        let mut totals = RowsTotals::default();
        for cpu in 0..self.cpus.len() {
            totals.add(self.cpus.at(cpu));
        }
        totals
    }
}

/// Attaches programs: those that are, and what is not told for want of the others.
fn attach_all(
    object: &mut Object,
    btf: &Btf,
    programs: &[Program],
    known: &[Missing],
) -> Result<(Vec<Program>, Vec<Missing>)> {
    let (mut attached, mut missing) = (Vec::new(), Vec::<Missing>::new());
    for program in programs {
        let mut gone = known.iter().chain(&missing).map(|part| part.loses);
        // Without its other half a program is of no use.
        if program.loses.is_some_and(|loses| gone.any(|other| other == loses)) {
            continue;
        }
        match (attach(object, btf, program), program.loses) {
            (Ok(()), _) => attached.push(*program),
            (Err(error), None) => return Err(error),
            (Err(error), Some(loses)) => missing.push(Missing { loses, refusal: Refusal::of(&error) }),
        }
    }
    Ok((attached, missing))
}

fn attach(object: &mut Object, btf: &Btf, program: &Program) -> Result<()> {
    match program.hook {
        // A tracepoint that the kernel does not have is no refusal of its verifier.
        Hook::Tracepoint if btf.tracepoint(program.name).is_none() => Err(absent(program.name).into()),
        Hook::Tracepoint => object.attach_tracepoint(btf, program.name),
        Hook::Entry(function) => object.attach_function_entry(btf, program.name, function),
        Hook::Exit(function) => object.attach_function_exit(btf, program.name, function),
        Hook::Sockets => object.attach_sockets(program.name, sockets::root()?.as_fd()),
    }
    .with_context(|| format!("program `{}`", program.name))
}

/// This kernel has no such tracepoint.
pub fn absent(tracepoint: &str) -> Refusal {
    Refusal {
        reason: Reason::NoHook,
        message: format!("this kernel has no tracepoint `{tracepoint}`"),
        fix: "use a newer kernel, or one that is built with it".to_owned(),
    }
}

/// What the programs have noted about themselves, over all CPUs.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowsTotals {
    /// As in [`RowsCpu`].
    pub clamped: u64,
    /// Of both tables.
    pub slots: SlotFailures,
    /// As in [`RowsCpu`].
    pub notes: [u64; ROWS_NOTES],
    /// As in [`RowsCpu`].
    pub programs: [ProgramRuns; ROWS_PROGRAMS],
}

impl RowsTotals {
    fn add(&mut self, cpu: *const RowsCpu) {
        // SAFETY: volatile copies of fields of an existing entry.
        unsafe {
            self.clamped += (&raw const (*cpu).clamped).read_volatile();
            self.slots += (&raw const (*cpu).counters).read_volatile();
            self.slots += (&raw const (*cpu).histograms).read_volatile();
            for (sum, note) in self.notes.iter_mut().zip((&raw const (*cpu).notes).read_volatile()) {
                *sum += note;
            }
            for (sum, program) in self.programs.iter_mut().zip((&raw const (*cpu).programs).read_volatile()) {
                *sum += program;
            }
        }
    }
}
