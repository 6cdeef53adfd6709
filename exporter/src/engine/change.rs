//! From one config to another, without a gap: what has not changed is not touched.
//!
//! Hook families that need other programs or maps are attached while the old ones still count, which takes
//! the kernel's verifier a while and can fail; then nothing has happened. Only then is the engine stopped, for as
//! long as a read takes: each old family is read for the last time, and what the new one has counted by then is
//! left out. What happens between these two readings, for a millisecond or so, is counted by neither.

use std::{cell::OnceCell, sync::Mutex};

use anyhow::{Context as _, Result, bail};
use tracing::{info, warn};

use super::{CollectorState, Engine, read};
use crate::{
    budget::{Left, Shed},
    collectors::{
        Family,
        registry::{self, Entry, Kernel},
    },
    config::{Config, Dropped},
    entities::{kubernetes::Pods, ledger::Now},
    kernel::{
        btf::Btf,
        host::{self, Hierarchy},
    },
    refusal::{Reason, Refusal},
};

/// What a config asks of one hook family, compared with what there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Need {
    /// To be off.
    Nothing,
    /// What it does already, perhaps under other names.
    Same,
    /// Programs that are not attached.
    Programs {
        /// Without them the whole change is refused. A family that could not be attached before may fail again.
        required: bool,
    },
}

/// What a hook family comes to.
enum Step {
    End,
    Adopt,
    Attach(Box<dyn Family>),
    Refuse(Refusal),
}

/// A config for which everything that can fail has been done.
pub struct Change {
    /// Without what is given up.
    config: Config,
    shed: Shed,
    steps: Vec<Step>,
    pods: Option<Pods>,
}

impl Change {
    /// Attaches what the config needs, beside what there is; see [`Engine::prepare`].
    pub(super) fn prepare(
        needs: &[Need],
        asked: &Config,
        shed: Shed,
        host: &Host,
        pods: Option<Pods>,
    ) -> Result<Self> {
        let config = shed.from(asked);
        let mut steps = Vec::new();
        for (entry, need) in registry::FAMILIES.iter().zip(needs) {
            steps.push(match need {
                Need::Nothing => Step::End,
                Need::Same => Step::Adopt,
                Need::Programs { required } => match host.attach(entry, &config) {
                    Ok(family) => Step::Attach(family),
                    Err(refusal) if *required => {
                        bail!("collectors.{}: {refusal}", (entry.enabled)(&config).join(", collectors."));
                    }
                    Err(refusal) => Step::Refuse(refusal),
                },
            });
        }
        let change = Self { config, shed, steps, pods };
        let is_up = |step: &Step| matches!(step, Step::Adopt | Step::Attach(_));
        // What is off for its cost comes back.
        if change.shed.is_empty() && !change.steps.iter().any(is_up) {
            let mut message = "no collector can run".to_owned();
            for CollectorState { name, refusal, .. } in change.collectors() {
                message += &refusal.map(|refusal| format!("\n  {name}: {refusal}")).unwrap_or_default();
            }
            bail!(message);
        }
        Ok(change)
    }

    /// How each collector will fare.
    fn collectors(&self) -> Vec<CollectorState> {
        let mut states = Vec::new();
        for (entry, step) in registry::FAMILIES.iter().zip(&self.steps) {
            let enabled = (entry.enabled)(&self.config);
            for description in entry.collectors {
                let refusal = match step {
                    _ if self.shed.left(description.name) == Some(Left::Nothing) => {
                        Some(Refusal::over_budget())
                    }
                    _ if !enabled.contains(&description.name) => Some(Refusal::disabled()),
                    Step::Refuse(refusal) => Some(refusal.clone()),
                    Step::End | Step::Adopt | Step::Attach(_) => None,
                };
                states.push(CollectorState { name: description.name, refusal, choice: None });
            }
        }
        states
    }
}

impl Engine {
    /// Does everything of a change that can fail or takes its time, while others may read. `pods` is given when
    /// others are to be asked for names than before, `shed` is what is asked for and given up.
    ///
    /// # Errors
    ///
    /// When the kernel refuses what it did not refuse before, or not a single collector would run.
    pub fn prepare(engine: &Mutex<Self>, asked: &Config, shed: Shed, pods: Option<Pods>) -> Result<Change> {
        let (needs, host, dropped) = {
            let engine = super::locked(engine);
            (engine.needs(&shed.from(asked)), Host::new(engine.hierarchy.clone()), engine.dropped)
        };
        let change = Change::prepare(&needs, asked, shed, &host, pods);
        match dropped {
            Dropped::All => {
                change.context("with `privileges.drop: all`, what needs another program takes a restart")
            }
            Dropped::Unneeded | Dropped::Nothing => change,
        }
    }

    /// What a config needs of each hook family.
    fn needs(&self, config: &Config) -> Vec<Need> {
        let families = registry::FAMILIES.iter().zip(&self.families);
        let needs = families.map(|(entry, family)| match family {
            _ if (entry.enabled)(config).is_empty() => Need::Nothing,
            Some(family) if family.serves(config) => Need::Same,
            Some(_) => Need::Programs { required: true },
            None => Need::Programs { required: (entry.enabled)(&self.config).is_empty() },
        });
        needs.collect()
    }

    /// Makes a prepared change.
    pub fn make(&mut self, change: Change) {
        let mut collectors = change.collectors();
        let Change { config, shed, steps, pods } = change;
        self.world.books.now = Now::read();
        if let Some(pods) = pods {
            self.world.identities.ask(pods);
        }
        let Self { world, families, .. } = self;
        world.identities.refresh(&mut world.books.ledger, world.books.now);
        for (family, step) in families.iter_mut().zip(steps) {
            let mut last = family.take();
            // What has happened until now goes by the old names. What can't be read now never can.
            if let Some(family) = &mut last {
                let _ = read(family, world);
            }
            *family = match step {
                Step::Adopt => {
                    last.iter_mut().for_each(|family| family.adopt(&config));
                    last.take()
                }
                Step::Attach(next) => Some(next),
                Step::End | Step::Refuse(_) => None,
            };
            if let Some(mut last) = last {
                if let Some(next) = family {
                    world.books.closed = true;
                    let _ = read(next, world);
                    world.books.closed = false;
                }
                last.close(world);
            }
        }
        let measured = registry::metrics(&config);
        let same_names = config.collectors.names() == self.config.collectors.names();
        world.books.give_up_heirlooms(|_, metric| same_names && measured.contains(&metric));
        world.books.ledger.set_limits((&config.limits).into(), world.books.now);
        for (entry, family) in registry::FAMILIES.iter().zip(families) {
            let is_its =
                |state: &&mut CollectorState| entry.collectors.iter().any(|about| about.name == state.name);
            for state in collectors.iter_mut().filter(is_its).filter(|state| state.refusal.is_none()) {
                state.choice = family.as_ref().map(|family| family.choice().clone());
            }
        }
        self.config = config;
        say(&collectors);
        let mut report = super::locked(&self.report);
        (report.collectors, report.shed) = (collectors, shed);
        // Of the kernel's type information, for one, which takes 25 MB while programs are loaded.
        host::return_freed_memory();
    }
}

/// The machine, whose type information is read only when it is needed.
pub(super) struct Host {
    hierarchy: Hierarchy,
    kernel: OnceCell<Result<Kernel, Refusal>>,
}

impl Host {
    pub(super) fn new(hierarchy: Hierarchy) -> Self {
        Self { hierarchy, kernel: OnceCell::new() }
    }

    /// What families need of the kernel, or why that is not to be had.
    pub(super) fn kernel(&self) -> Result<&Kernel, Refusal> {
        let kernel = self.kernel.get_or_init(|| {
            let btf = Btf::of_running_kernel().map_err(|error| Refusal::of(&error.into()))?;
            Ok(Kernel { btf, hierarchy: self.hierarchy.clone() })
        });
        kernel.as_ref().map_err(Clone::clone)
    }

    pub(super) fn into_hierarchy(self) -> Hierarchy {
        self.hierarchy
    }

    fn attach(&self, entry: &Entry, config: &Config) -> Result<Box<dyn Family>, Refusal> {
        (entry.attach)(self.kernel()?, config).map_err(|error| Refusal::of(&error))
    }
}

fn say(collectors: &[CollectorState]) {
    for CollectorState { name, refusal, .. } in collectors {
        match refusal {
            None => info!(collector = name, "measuring"),
            Some(refusal) if refusal.reason == Reason::Disabled => info!(collector = name, "off by config"),
            Some(refusal) => warn!(collector = name, reason = %refusal.reason, "not measuring: {refusal}"),
        }
    }
}
