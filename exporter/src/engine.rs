//! The engine: attaches what the config asks for, and turns the maps into snapshots.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Result, bail};
use tracing::{error, info, warn};

use crate::{
    collectors::{
        self, Account, Books, Family, World,
        registry::{self, Kernel},
    },
    config::Config,
    entities::{
        cgroups::{CgroupStats, Cgroups},
        identity::{Identities, IdentityStats},
        kubernetes::Pods,
        ledger::{Consumer, Ledger, Limits, Now, Stats},
    },
    hooks,
    kernel::{
        bpf,
        btf::Btf,
        host::{self, Hierarchy},
    },
    refusal::{Reason, Refusal},
    snapshot::{Edition, Snapshot},
};

/// Reads the maps; see the [module](self).
pub struct Engine {
    world: World,
    families: Vec<Box<dyn Family>>,
    report: Arc<Mutex<Report>>,
    delivered: Arc<Mutex<Vec<(Consumer, Edition)>>>,
}

/// What the engine says about itself, as of the last read.
#[derive(Debug, Default)]
pub struct Report {
    /// Every collector, in the registry's order.
    pub collectors: Vec<CollectorState>,
    /// Every attached hook family.
    pub families: Vec<Account>,
    /// The ledger.
    pub ledger: Option<Stats>,
    /// Values that went back; must stay 0.
    pub backward_values: u64,
    /// How the programs' time is told.
    pub run_time: RunTime,
    /// Reads of a family that failed, by its first collector.
    pub failed_reads: u64,
    /// The table of cgroups.
    pub cgroups: CgroupStats,
    /// How many cgroups are known how well.
    pub identities: IdentityStats,
}

/// How the time that programs take is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RunTime {
    /// By the kernel's statistics, which were on when the exporter started.
    Kernel,
    /// By one timed run in 1,024, plus what the kernel takes to enter and to leave a program, in nanoseconds.
    Sampled {
        /// As measured at the start; zero where that was not possible.
        entry_ns: f64,
    },
}

impl Default for RunTime {
    fn default() -> Self {
        Self::Sampled { entry_ns: 0.0 }
    }
}

impl RunTime {
    /// The best that there is here.
    fn of_this_host() -> Self {
        if bpf::keeps_statistics() {
            return Self::Kernel;
        }
        let entry_ns = hooks::selftest::entry_cost_ns().unwrap_or_else(|error| {
            warn!("the time that the kernel takes to enter a program is not known: {error:#}");
            0.0
        });
        info!(nanoseconds = entry_ns.round(), "the kernel's cost of entering a program");
        Self::Sampled { entry_ns }
    }
}

/// Whether a collector measures.
#[derive(Clone, Debug)]
pub struct CollectorState {
    /// Its name.
    pub name: &'static str,
    /// Why it doesn't, if it doesn't.
    pub refusal: Option<Refusal>,
}

/// Tells the engine who has carried a snapshot away, without waiting for a read.
#[derive(Clone)]
pub struct Deliveries(Arc<Mutex<Vec<(Consumer, Edition)>>>);

impl Deliveries {
    /// `to` has carried this snapshot.
    pub fn add(&self, to: &str, snapshot: &Snapshot) {
        locked(&self.0).push((Consumer::new(to), snapshot.edition));
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries").finish_non_exhaustive()
    }
}

impl Engine {
    /// Attaches every collector that is on. A collector that can't be attached is reported, not fatal. `pods`
    /// is what is known of this node's pods.
    ///
    /// # Errors
    ///
    /// When not a single collector can run; the message says why for each.
    pub fn start(config: &Config, pods: Pods) -> Result<Self> {
        // Linux before 5.11 counts maps against it. Without the privilege, loading will say what is wrong.
        let _ = host::lift_memlock_limit();
        let hierarchy = Hierarchy::of_this_host()?;
        let kernel = Btf::of_running_kernel()
            .map_err(anyhow::Error::from)
            .map(|btf| Kernel { btf, hierarchy: hierarchy.clone() });
        let mut families = Vec::new();
        let mut collectors = Vec::new();
        for entry in registry::FAMILIES {
            let enabled = (entry.enabled)(config);
            let attached = match &kernel {
                _ if enabled.is_empty() => Ok(None),
                Ok(kernel) => (entry.attach)(kernel, config).map(Some).map_err(|error| Refusal::of(&error)),
                Err(error) => Err(Refusal::of(error)),
            };
            for description in entry.collectors {
                let name = description.name;
                let refusal = if enabled.contains(&name) {
                    attached.as_ref().err().cloned()
                } else {
                    Some(Refusal::disabled())
                };
                match &refusal {
                    None => info!(collector = name, "measuring"),
                    Some(refusal) if refusal.reason == Reason::Disabled => {
                        info!(collector = name, "off by config")
                    }
                    Some(refusal) => {
                        warn!(collector = name, reason = %refusal.reason, "not measuring: {refusal}")
                    }
                }
                collectors.push(CollectorState { name, refusal });
            }
            families.extend(attached.ok().flatten());
        }
        if families.is_empty() {
            let mut message = "no collector can run".to_owned();
            for CollectorState { name, refusal } in &collectors {
                if let Some(refusal) = refusal {
                    message += &format!("\n  {name}: {refusal}");
                }
            }
            bail!(message);
        }
        // Attached before the tree is walked: what is born in between is heard of.
        let hook = kernel.ok().and_then(|kernel| {
            let hook = hooks::cgroup::Cgroup::attach(&kernel.btf, &hierarchy, hooks::cgroup::RING_BYTES);
            hook.inspect_err(|error| warn!("no events of cgroups, walking their tree instead: {error:#}"))
                .ok()
        });
        let cgroups = Cgroups::start(hook, &hierarchy);
        let run_time = RunTime::of_this_host();
        host::return_freed_memory();
        let catalogue: Vec<_> = registry::descriptions().flat_map(|about| about.metrics).copied().collect();
        let ledger = Ledger::new(Limits::from(&config.limits), &catalogue);
        let books = Books { ledger, now: Now::read(), backward_values: 0 };
        let world = World { books, identities: Identities::new(cgroups, pods) };
        let report = Arc::new(Mutex::new(Report { collectors, run_time, ..Report::default() }));
        Ok(Self { world, families, report, delivered: Arc::default() })
    }

    /// What the engine says about itself, kept current by every read.
    pub fn report(&self) -> Arc<Mutex<Report>> {
        Arc::clone(&self.report)
    }

    /// Where to tell who has carried a snapshot away.
    pub fn deliveries(&self) -> Deliveries {
        Deliveries(Arc::clone(&self.delivered))
    }

    /// Reads all maps for the last time: nobody waits for names any more.
    pub fn read_last(&mut self) -> Snapshot {
        self.world.identities.stop_waiting();
        self.read()
    }

    /// Reads all maps. A family that can't be read keeps its series as they are.
    pub fn read(&mut self) -> Snapshot {
        let Self { world, families, report, delivered } = self;
        world.books.now = Now::read();
        world.identities.refresh(&mut world.books.ledger, world.books.now);
        let mut failed = 0;
        for family in families.iter_mut() {
            if let Err(error) = family.read(world) {
                error!(collectors = ?family.collectors(), "cannot read: {error:#}");
                failed += 1;
            }
        }
        for (consumer, edition) in std::mem::take(&mut *locked(delivered)) {
            world.books.ledger.delivered(&consumer, edition, world.books.now);
        }
        world.books.ledger.tick(world.books.now);
        let snapshot = world.books.ledger.snapshot(world.books.now);
        let mut report = locked(report);
        report.families = families.iter().map(|family| family.account()).collect();
        report.families.extend(world.identities.cgroups().hook().map(collectors::cgroup_account));
        report.cgroups = world.identities.cgroups().stats();
        report.identities = world.identities.stats();
        report.ledger = Some(world.books.ledger.stats());
        report.backward_values = world.books.backward_values;
        report.failed_reads += failed;
        snapshot
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Locks, also after a panic elsewhere: what is kept there is whole at any time.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<&crate::config::Limits> for Limits {
    fn from(limits: &crate::config::Limits) -> Self {
        Self {
            label_sets_per_metric: limits.label_sets_per_metric as usize,
            label_sets: limits.label_sets as usize,
            linger: limits.linger,
        }
    }
}
