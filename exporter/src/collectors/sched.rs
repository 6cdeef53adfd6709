//! Hook family `sched` with its collectors.

use anyhow::Result;

use super::{
    Account, Family, ProgramAccount, World,
    process::{self, Process},
    registry::Kernel,
    scheduler::{self, Scheduler},
    stalls::{self, Stalls},
};
use crate::{
    config::{By, Collectors, Config, Detail, ProcessesBy},
    hooks::{
        self,
        rung::Choice,
        sched::{PROGRAMS, Parts, Sched},
    },
    kernel::host,
};

/// The attached hooks, and who reads them.
pub(super) struct SchedFamily {
    sched: Sched,
    scheduler: Option<Scheduler>,
    stalls: Option<Stalls>,
    process: Option<Process>,
    /// CPU time that reading has taken, slots, processes and living threads apart.
    read_ns: [u64; 3],
}

impl SchedFamily {
    /// Which of its collectors are on.
    pub(super) fn enabled(config: &Config) -> Vec<&'static str> {
        let Collectors { scheduler, stalls, process, .. } = &config.collectors;
        let names = [
            (scheduler.enabled, scheduler::DESCRIPTION.name),
            (stalls.enabled, stalls::DESCRIPTION.name),
            (process.enabled, process::DESCRIPTION.name),
        ];
        names.into_iter().filter_map(|(enabled, name)| enabled.then_some(name)).collect()
    }

    /// Attaches the hooks for the collectors that are on.
    pub(super) fn from_config(kernel: &Kernel, config: &Config) -> Result<Box<dyn Family>> {
        let Collectors { scheduler, stalls, process, .. } = &config.collectors;
        let parts = parts(config);
        let attached_ns = host::monotonic_ns();
        let sched = Sched::attach(&kernel.btf, &kernel.hierarchy, parts)?;
        let (_, slots) = sched.slots();
        Ok(Box::new(Self {
            sched,
            scheduler: parts.scheduler.then(|| Scheduler::new(slots, scheduler.by, parts.durations)),
            stalls: parts.stalls.then(|| Stalls::new(slots, stalls.by)),
            process: parts
                .process
                .then(|| Process::new(slots, process.by, process.processes_by, attached_ns)),
            read_ns: [0; 3],
        }))
    }

    fn read_slots(&mut self, world: &mut World) -> Result<()> {
        let Self { sched, scheduler, stalls, process, .. } = self;
        sched.evict(|id| world.identities.is_gone(*id))?;
        sched.read_slots(|slot, tenancy, values| {
            if let Some(scheduler) = scheduler {
                scheduler.visit(slot, tenancy, values, world);
            }
            if let Some(stalls) = stalls {
                stalls.visit(slot, tenancy, values, world);
            }
            if let Some(process) = process {
                process.visit(slot, tenancy, &values.unplaced_processes, world);
            }
        })
    }

    /// Reads what living threads do, when the processes have been read, or nobody wants to know of them.
    fn read_stalls(&mut self, world: &mut World) -> Result<()> {
        let Self { sched, stalls, process, .. } = self;
        let Some(stalls) = stalls else { return Ok(()) };
        if process.is_none() {
            let _ = sched.living()?;
        }
        let (used, slots) = sched.slots();
        stalls.finish(sched.met(), used + 1 >= slots, world);
        Ok(())
    }

    /// Whose cost the programs are that several collectors need.
    fn dearer(&self) -> &'static str {
        let names = [
            (self.scheduler.is_some(), scheduler::DESCRIPTION.name),
            (self.stalls.is_some(), stalls::DESCRIPTION.name),
        ];
        names.into_iter().find_map(|(on, name)| on.then_some(name)).unwrap_or(process::DESCRIPTION.name)
    }

    /// Memory of the maps that the config leads to.
    pub(super) fn map_bytes(config: &Config) -> Vec<(String, u64)> {
        hooks::sched::map_bytes(parts(config))
    }
}

fn parts(config: &Config) -> Parts {
    let Collectors { scheduler, stalls, process, .. } = &config.collectors;
    Parts {
        scheduler: scheduler.enabled,
        durations: scheduler.enabled && scheduler.detail == Detail::Histograms,
        stalls: stalls.enabled,
        cgroups: (scheduler.enabled && scheduler.by != By::None) || (stalls.enabled && stalls.by != By::None),
        process: process.enabled,
        executables: process.enabled && process.processes_by == ProcessesBy::Executable,
        slots: config.limits.slots,
        processes: config.limits.processes,
    }
}

impl Family for SchedFamily {
    fn collectors(&self) -> Vec<&'static str> {
        let Self { scheduler, stalls, process, .. } = self;
        let names = [
            (scheduler.is_some(), scheduler::DESCRIPTION.name),
            (stalls.is_some(), stalls::DESCRIPTION.name),
            (process.is_some(), process::DESCRIPTION.name),
        ];
        names.into_iter().filter_map(|(on, name)| on.then_some(name)).collect()
    }

    fn choice(&self) -> &Choice {
        self.sched.choice()
    }

    fn serves(&self, config: &Config) -> bool {
        parts(config) == self.sched.parts()
    }

    fn adopt(&mut self, config: &Config) {
        let Collectors { scheduler, stalls, process, .. } = &config.collectors;
        if let Some(reader) = &mut self.scheduler {
            reader.adopt(scheduler.by);
        }
        if let Some(reader) = &mut self.stalls {
            reader.adopt(stalls.by);
        }
        if let Some(reader) = &mut self.process {
            reader.adopt(process.by, process.processes_by);
        }
    }

    fn read(&mut self, world: &mut World) -> Result<()> {
        let clock = host::thread_cpu_ns;
        let begun = clock();
        // Slots before threads, see `stalls`. When one of them fails, the others go on.
        let slots = self.read_slots(world);
        let after_slots = clock();
        let processes = self.process.as_mut().map_or(Ok(()), |process| process.read(&mut self.sched, world));
        let after_processes = clock();
        let stalls = self.read_stalls(world);
        let spent = [after_slots - begun, after_processes - after_slots, clock() - after_processes];
        for (sum, by) in self.read_ns.iter_mut().zip(spent) {
            *sum += by;
        }
        slots.and(processes).and(stalls)
    }

    fn close(&mut self, world: &mut World) {
        if let Some(scheduler) = &mut self.scheduler {
            scheduler.close(world);
        }
        if let Some(stalls) = &mut self.stalls {
            stalls.close(&mut world.books);
        }
        if let Some(process) = &mut self.process {
            process.close(world);
        }
    }

    fn account(&self) -> Account {
        let totals = self.sched.totals();
        let programs = PROGRAMS.iter().filter_map(|(program, name)| {
            let info = self.sched.program_info(name)?;
            Some(ProgramAccount::new(name, self.dearer(), totals.programs[*program as usize], &info))
        });
        let mut failures = vec![
            ("slots_exhausted", totals.slots.exhausted),
            ("slot_insert_failed", totals.slots.insert_failed),
            ("tenant_gone", totals.slots.tenant_gone),
            ("process_unplaced", totals.unplaced_processes),
        ];
        if self.sched.parts().durations || self.sched.parts().stalls {
            failures
                .extend([("task_entry_missing", totals.missing_tasks), ("value_clamped", totals.clamped)]);
        }
        Account {
            family: "sched",
            programs: programs.collect(),
            reads: vec![
                (self.dearer(), self.read_ns[0]),
                (process::DESCRIPTION.name, self.read_ns[1]),
                (stalls::DESCRIPTION.name, self.read_ns[2]),
            ],
            maps: self.sched.map_bytes().to_vec(),
            slots: Some(self.sched.slots()),
            failures,
        }
    }
}
