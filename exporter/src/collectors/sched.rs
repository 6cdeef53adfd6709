//! Hook family `sched` with its collectors.

use anyhow::Result;

use super::{
    Account, Family, ProgramAccount, World,
    process::{self, Process},
    registry::Kernel,
    scheduler::{self, Scheduler},
};
use crate::{
    config::{Collectors, Config, ProcessesBy},
    hooks::{
        self,
        sched::{PROGRAMS, Parts, Sched},
    },
    kernel::host,
};

/// The attached hooks, and who reads them.
pub(super) struct SchedFamily {
    sched: Sched,
    scheduler: Option<Scheduler>,
    process: Option<Process>,
}

impl SchedFamily {
    /// Which of the two collectors are on.
    pub(super) fn enabled(config: &Config) -> Vec<&'static str> {
        let Collectors { scheduler, process, .. } = &config.collectors;
        let names =
            [(scheduler.enabled, scheduler::DESCRIPTION.name), (process.enabled, process::DESCRIPTION.name)];
        names.into_iter().filter_map(|(enabled, name)| enabled.then_some(name)).collect()
    }

    /// Attaches the hooks for the collectors that are on.
    pub(super) fn from_config(kernel: &Kernel, config: &Config) -> Result<Box<dyn Family>> {
        let Collectors { scheduler, process, .. } = &config.collectors;
        let parts = parts(config);
        let attached_ns = host::monotonic_ns();
        let sched = Sched::attach(&kernel.btf, &kernel.hierarchy, parts)?;
        let (_, slots) = sched.slots();
        Ok(Box::new(Self {
            sched,
            scheduler: parts.scheduler.then(|| Scheduler::new(slots, scheduler.by)),
            process: parts
                .process
                .then(|| Process::new(slots, process.by, process.processes_by, attached_ns)),
        }))
    }

    /// Memory of the maps that the config leads to.
    pub(super) fn map_bytes(config: &Config) -> Vec<(String, u64)> {
        hooks::sched::map_bytes(parts(config))
    }
}

fn parts(config: &Config) -> Parts {
    Parts {
        scheduler: config.collectors.scheduler.enabled,
        process: config.collectors.process.enabled,
        executables: config.collectors.process.processes_by == ProcessesBy::Executable,
        slots: config.limits.slots,
        processes: config.limits.processes,
    }
}

impl Family for SchedFamily {
    fn collectors(&self) -> Vec<&'static str> {
        let scheduler = self.scheduler.as_ref().map(|_| scheduler::DESCRIPTION.name);
        let process = self.process.as_ref().map(|_| process::DESCRIPTION.name);
        scheduler.into_iter().chain(process).collect()
    }

    fn read(&mut self, world: &mut World) -> Result<()> {
        let Self { sched, scheduler, process } = self;
        // When one of the two fails, the other one goes on.
        let processes = process.as_mut().map_or(Ok(()), |process| process.read(sched, world));
        sched.evict(|id| world.identities.is_gone(*id))?;
        sched.read_slots(|slot, tenancy, values| {
            if let Some(scheduler) = scheduler {
                scheduler.visit(slot, tenancy, values, world);
            }
            if let Some(process) = process {
                process.visit(slot, tenancy, &values.unplaced_processes, world);
            }
        })?;
        processes
    }

    fn account(&self) -> Account {
        let totals = self.sched.totals();
        let programs = PROGRAMS.iter().filter_map(|(program, name)| {
            let info = self.sched.program_info(name)?;
            Some(ProgramAccount::new(name, name, "tp_btf", totals.programs[*program as usize], &info))
        });
        Account {
            family: "sched",
            programs: programs.collect(),
            maps: self.sched.map_bytes().to_vec(),
            slots: Some(self.sched.slots()),
            failures: vec![
                ("slots_exhausted", totals.slots.exhausted),
                ("slot_insert_failed", totals.slots.insert_failed),
                ("tenant_gone", totals.slots.tenant_gone),
                ("task_entry_missing", totals.missing_tasks),
                ("process_unplaced", totals.unplaced_processes),
                ("value_clamped", totals.clamped),
            ],
        }
    }
}
