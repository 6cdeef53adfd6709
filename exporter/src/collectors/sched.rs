//! Hook family `sched` with its collectors.

use anyhow::Result;

use super::{
    Account, Family, ProgramAccount, World,
    process::{self, KeptLabels, Process},
    scheduler::{self, Scheduler},
};
use crate::{
    hooks::sched::{PROGRAMS, Parts, Sched},
    kernel::{btf::Btf, host, host::Hierarchy},
};

/// The attached hooks, and who reads them.
pub struct SchedFamily {
    sched: Sched,
    scheduler: Option<Scheduler>,
    process: Option<Process>,
}

impl SchedFamily {
    /// Attaches the hooks for what `parts` says.
    pub fn attach(
        btf: &Btf,
        hierarchy: &Hierarchy,
        parts: Parts,
        scheduler_by_cgroup: bool,
        process_labels: KeptLabels,
    ) -> Result<Self> {
        let attached_ns = host::monotonic_ns();
        let sched = Sched::attach(btf, hierarchy, parts)?;
        let (_, slots) = sched.slots();
        Ok(Self {
            sched,
            scheduler: parts.scheduler.then(|| Scheduler::new(slots, scheduler_by_cgroup)),
            process: parts.process.then(|| Process::new(slots, process_labels, attached_ns)),
        })
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
        if let Some(process) = process {
            process.read(sched, world)?;
        }
        sched.evict(|id| world.cgroups.is_gone(*id))?;
        sched.read_slots(|slot, tenancy, values| {
            if let Some(scheduler) = scheduler {
                scheduler.visit(slot, tenancy, values, world);
            }
            if let Some(process) = process {
                process.visit(slot, tenancy, &values.unplaced_processes, world);
            }
        })
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
            maps: self.sched.map_bytes(),
            slots: self.sched.slots(),
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
