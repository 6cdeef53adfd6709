//! Attaching every hook family, watching it, reading it, and detaching it again.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};

use super::part::{Part, Status};
use crate::{
    collectors::{
        Books, Family, World, cgroup_account,
        registry::{self, Entry, Kernel},
    },
    config::{Config, Dropped},
    entities::{
        cgroups::Cgroups,
        identity::Identities,
        kubernetes::Pods,
        ledger::{Ledger, Limits},
    },
    hooks::{cgroup, rung::Choice},
    kernel::{btf::Btf, host::Hierarchy},
    privileges,
    refusal::{Reason, Refusal},
};

/// What events of cgroups are called.
pub(super) const CGROUP_EVENTS: &str = "cgroup_events";

/// How long programs that run all the time are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A hook family after the attempt to attach it.
struct Attempt {
    entry: &'static Entry,
    enabled: Vec<&'static str>,
    /// `None` when the config wants none of its collectors.
    family: Option<Result<Box<dyn Family>, Refusal>>,
}

impl Attempt {
    fn attached(&self) -> Option<&dyn Family> {
        self.family.as_ref()?.as_ref().ok().map(|family| &**family)
    }

    fn runs(&self) -> Option<u64> {
        let restless = self.entry.restless?;
        self.attached()?
            .account()
            .programs
            .iter()
            .find(|program| program.name == restless)
            .map(|program| program.runs)
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        self.entry.collectors.iter().map(|about| {
            let part = Part::new(about.name, Status::Ok, self.entry.rungs);
            match &self.family {
                Some(_) if !self.enabled.contains(&about.name) => Part { status: Status::Off, ..part },
                None => Part { status: Status::Off, ..part },
                Some(Err(refusal)) => part.refused(refusal),
                Some(Ok(family)) => part.attached(family.choice()).ran(&family.account()),
            }
        })
    }
}

/// Every part, tried out.
pub(super) fn all(config: &Config) -> Vec<Part> {
    let kernel = kernel();
    let mut attempts: Vec<_> =
        registry::FAMILIES.iter().map(|entry| attempt(entry, kernel.as_ref(), config)).collect();
    let mut events = kernel
        .as_ref()
        .map(|kernel| cgroup::attach_or_walk(&kernel.btf, &kernel.hierarchy, cgroup::RING_BYTES));
    watch(&mut attempts);
    let of_events = match &events {
        Ok((hook, choice)) => part_of_events(hook.as_ref(), choice),
        Err(refusal) => Part::new(CGROUP_EVENTS, Status::Failed, &cgroup::RUNGS).refused(refusal),
    };
    if let (Ok(kernel), Ok((hook, _))) = (&kernel, &mut events) {
        read(&mut attempts, hook.take(), kernel, config);
    }
    attempts.iter().flat_map(Attempt::parts).chain([of_events]).collect()
}

/// Every part, when there is no use in trying.
pub(super) fn none(config: &Config, error: &anyhow::Error) -> Vec<Part> {
    let refusal = Refusal {
        reason: Reason::Permission,
        message: format!("{error:#}"),
        fix: "let the system calls `capset` and `prctl` through, or set `privileges.drop: nothing`"
            .to_owned(),
    };
    let attempts: Vec<_> =
        registry::FAMILIES.iter().map(|entry| attempt(entry, Err(&refusal), config)).collect();
    attempts.iter().flat_map(Attempt::parts).collect()
}

/// What families need of the kernel.
fn kernel() -> Result<Kernel, Refusal> {
    let btf = Btf::of_running_kernel().map_err(|error| Refusal::of(&error.into()))?;
    let hierarchy = Hierarchy::of_this_host().map_err(|error| Refusal {
        reason: Reason::KernelConfig,
        message: format!("{error:#}"),
        fix: "mount the host's /proc and /sys/fs/cgroup".to_owned(),
    })?;
    Ok(Kernel { btf, hierarchy })
}

fn attempt(entry: &'static Entry, kernel: Result<&Kernel, &Refusal>, config: &Config) -> Attempt {
    let enabled = (entry.enabled)(config);
    let attach =
        || (entry.attach)(kernel.map_err(Clone::clone)?, config).map_err(|error| Refusal::of(&error));
    Attempt { entry, family: (!enabled.is_empty()).then(attach), enabled }
}

fn part_of_events(hook: Option<&cgroup::Cgroup>, choice: &Choice) -> Part {
    let part = Part::new(CGROUP_EVENTS, Status::Ok, &cgroup::RUNGS).attached(choice);
    match hook {
        Some(hook) => part.ran(&cgroup_account(hook)),
        None => part,
    }
}

/// Waits until what always runs has run. A program that hangs on a busy hook and doesn't run measures nothing.
fn watch(attempts: &mut [Attempt]) {
    let end = Instant::now() + PATIENCE;
    // Each of these sleeps switches tasks.
    while attempts.iter().any(|attempt| attempt.runs() == Some(0)) && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    for attempt in attempts.iter_mut().filter(|attempt| attempt.runs() == Some(0)) {
        let program = attempt.entry.restless.unwrap_or_default();
        attempt.family = Some(Err(Refusal {
            reason: Reason::KernelRefused,
            message: format!("program `{program}` is attached, but has not run once in {PATIENCE:?}"),
            fix: "look into the kernel's log for BPF and tracing, and report this with the kernel's version"
                .to_owned(),
        }));
    }
}

/// Reads all maps as the engine does, after giving up what it would give up.
fn read(attempts: &mut [Attempt], hook: Option<cgroup::Cgroup>, kernel: &Kernel, config: &Config) {
    let drops_all = config.privileges.drop == Dropped::All;
    let given_up = if drops_all { privileges::give_up_all() } else { Ok(()) };
    let catalogue: Vec<_> = registry::descriptions().flat_map(|about| about.metrics).copied().collect();
    let books = Books::new(Ledger::new(Limits::from(&config.limits), &catalogue));
    let cgroups = Cgroups::start(hook, &kernel.hierarchy);
    let mut world = World { books, identities: Identities::new(cgroups, Pods::off()) };
    for attempt in attempts {
        let Some(Ok(family)) = &mut attempt.family else { continue };
        let result = match &given_up {
            Ok(()) => family.read(&mut world).context("cannot read what was counted"),
            Err(error) => Err(anyhow!("{error:#}")),
        };
        if let Err(error) = result {
            let mut refusal = Refusal::of(&error);
            if drops_all {
                refusal.fix = privileges::READING_NEEDS_CAP_BPF.to_owned();
            }
            attempt.family = Some(Err(refusal));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        collectors::{Account, ProgramAccount},
        hooks::rung::climb,
        kernel::bpf::ProgramInfo,
    };

    /// Attached as `sched` is, with a program that has run so often.
    struct Fake(u64, Choice);

    impl Family for Fake {
        fn collectors(&self) -> Vec<&'static str> {
            vec!["scheduler"]
        }

        fn choice(&self) -> &Choice {
            &self.1
        }

        fn serves(&self, _: &Config) -> bool {
            true
        }

        fn adopt(&mut self, _: &Config) {}

        fn read(&mut self, _: &mut World) -> Result<()> {
            Ok(())
        }

        fn close(&mut self, _: &mut World) {}

        fn account(&self) -> Account {
            let runs = exporter_common::program::ProgramRuns { runs: self.0, ..Default::default() };
            let program = ProgramAccount::new("sched_switch", "scheduler", runs, &ProgramInfo::default());
            Account { programs: vec![program], ..Account::default() }
        }
    }

    fn watched(runs: u64) -> Vec<Part> {
        let entry = &registry::FAMILIES[0];
        let ((), choice) = climb(entry.rungs, |_| Ok(())).expect("nothing refuses");
        let family: Box<dyn Family> = Box::new(Fake(runs, choice));
        let mut attempts = [Attempt { entry, enabled: vec!["scheduler"], family: Some(Ok(family)) }];
        watch(&mut attempts);
        attempts[0].parts().collect()
    }

    #[test]
    fn programs_that_never_run_do_not_measure() {
        let parts = watched(0);
        assert_eq!((parts[0].status, parts[1].status), (Status::Failed, Status::Off));
        let message = parts[0].message.as_deref().unwrap_or_default();
        assert_eq!(message, "program `sched_switch` is attached, but has not run once in 1s");
        assert_eq!(watched(1)[0].status, Status::Ok);
    }
}
