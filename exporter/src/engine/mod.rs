//! The engine: attaches what the config asks for, and turns the maps into snapshots.

mod change;
mod report;
mod restart;

pub use change::Change;
pub use report::{CollectorState, Report, RunTime};

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result};
use tracing::{error, warn};

use crate::{
    budget::Shed,
    collectors::{self, Account, Books, Family, World, registry},
    config::{Config, Dropped},
    entities::{
        cgroups::Cgroups,
        identity::Identities,
        kubernetes::Pods,
        ledger::{Consumer, Ledger, Limits, Now},
    },
    hooks,
    kernel::host::{self, Hierarchy},
    privileges,
    snapshot::{Edition, Snapshot},
};
use change::{Host, Need};

/// Reads the maps; see the [module](self).
pub struct Engine {
    /// The config in force.
    config: Config,
    /// What was given up at the start, which no other config brings back.
    dropped: Dropped,
    hierarchy: Hierarchy,
    world: World,
    /// In the registry's order; those that are off or refused are missing.
    families: Vec<Option<Box<dyn Family>>>,
    report: Arc<Mutex<Report>>,
    delivered: Arc<Mutex<Vec<Delivery>>>,
}

/// Tells the engine who has carried a snapshot away, without waiting for a read.
#[derive(Clone)]
pub struct Deliveries(Arc<Mutex<Vec<Delivery>>>);

/// What the next read tells the ledger of a consumer.
enum Delivery {
    Carried(Consumer, Edition),
    Gone(Consumer),
}

impl Deliveries {
    /// `to` has carried this snapshot.
    pub fn add(&self, to: &str, snapshot: &Snapshot) {
        locked(&self.0).push(Delivery::Carried(Consumer::new(to), snapshot.edition));
    }

    /// `who` will not carry any more.
    pub fn forget(&self, who: &str) {
        locked(&self.0).push(Delivery::Gone(Consumer::new(who)));
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
        let host = Host::new(Hierarchy::of_this_host()?);
        let needs = registry::FAMILIES.iter().map(|entry| match (entry.enabled)(config).is_empty() {
            true => Need::Nothing,
            false => Need::Programs { required: false },
        });
        let change = Change::prepare(&needs.collect::<Vec<_>>(), config, Shed::default(), &host, None)?;
        // Attached before the tree is walked: what is born in between is heard of.
        let kernel = host.kernel()?;
        let (hook, choice) =
            hooks::cgroup::attach_or_walk(&kernel.btf, &kernel.hierarchy, hooks::cgroup::RING_BYTES);
        for refusal in choice.refused() {
            warn!(reason = %refusal.reason, "no events of cgroups, walking their tree instead: {refusal}");
        }
        let report = Report { run_time: RunTime::of_this_host(&kernel.btf), ..Report::default() };
        let dropped = config.privileges.drop;
        if dropped == Dropped::All {
            // Nothing is loaded from here on, and the thread that is made next shall not have them either.
            privileges::give_up_all()?;
        }
        let hierarchy = host.into_hierarchy();
        let cgroups = Cgroups::start(hook, &hierarchy);
        let catalogue: Vec<_> = registry::descriptions().flat_map(|about| about.metrics).copied().collect();
        let ledger = Ledger::new(Limits::from(&config.limits), &catalogue);
        let books = Books::new(ledger);
        let mut engine = Self {
            config: config.clone(),
            dropped,
            hierarchy,
            world: World { books, identities: Identities::new(cgroups, pods) },
            families: registry::FAMILIES.iter().map(|_| None).collect(),
            report: Arc::new(Mutex::new(report)),
            delivered: Arc::default(),
        };
        engine.make(change);
        if dropped == Dropped::All {
            engine.prove_readable()?;
        }
        Ok(engine)
    }

    /// Reads everything once, without any capability left.
    fn prove_readable(&mut self) -> Result<()> {
        let Self { world, families, .. } = self;
        let mut families = families.iter_mut().flatten();
        families.try_for_each(|family| family.read(world)).context(privileges::READING_NEEDS_CAP_BPF)
    }

    /// What the engine says about itself, kept current by every read.
    pub fn report(&self) -> Arc<Mutex<Report>> {
        Arc::clone(&self.report)
    }

    /// Where to tell who has carried a snapshot away.
    pub fn deliveries(&self) -> Deliveries {
        Deliveries(Arc::clone(&self.delivered))
    }

    /// Brings up to date what the report says of the hook families and their cost, without reading their maps.
    pub fn take_stock(&self) {
        locked(&self.report).families = accounts(&self.families, &self.world);
    }

    /// Nobody waits for names any more: the next read shows what is there.
    pub fn stop_waiting(&mut self) {
        self.world.identities.stop_waiting();
    }

    /// Reads all maps for the last time: nobody waits for names any more.
    pub fn read_last(&mut self) -> Snapshot {
        self.stop_waiting();
        self.read()
    }

    /// Reads all maps. A family that can't be read keeps its series as they are.
    pub fn read(&mut self) -> Snapshot {
        let Self { world, families, report, delivered, .. } = self;
        world.books.now = Now::read();
        world.identities.refresh(&mut world.books.ledger, world.books.now);
        let failed = families.iter_mut().flatten().filter_map(|family| read(family, world).err()).count();
        let World { books, identities } = world;
        books.give_up_heirlooms(|cgroup, _| !cgroup.is_some_and(|id| identities.is_gone(id)));
        for delivery in std::mem::take(&mut *locked(delivered)) {
            let ledger = &mut world.books.ledger;
            match delivery {
                Delivery::Carried(consumer, edition) => ledger.delivered(&consumer, edition, world.books.now),
                Delivery::Gone(consumer) => ledger.forget(&consumer),
            }
        }
        world.books.ledger.tick(world.books.now);
        let snapshot = world.books.ledger.snapshot(world.books.now);
        let mut report = locked(report);
        report.families = accounts(families, world);
        report.cgroup_events = world.identities.cgroups().hook().is_some();
        report.cgroups = world.identities.cgroups().stats();
        report.identities = world.identities.stats();
        report.ledger = Some(world.books.ledger.stats());
        report.backward_values = world.books.backward_values;
        report.failed_reads += failed as u64;
        snapshot
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// What all attached families tell about themselves.
fn accounts(families: &[Option<Box<dyn Family>>], world: &World) -> Vec<Account> {
    let cgroups = world.identities.cgroups().hook().map(collectors::cgroup_account);
    families.iter().flatten().map(|family| family.account()).chain(cgroups).collect()
}

/// Reads one family. If it can't be read, its series stay as they are.
fn read(family: &mut Box<dyn Family>, world: &mut World) -> Result<()> {
    let result = family.read(world);
    if let Err(error) = &result {
        error!(collectors = ?family.collectors(), "cannot read: {error:#}");
    }
    result
}

/// Locks, also after a panic elsewhere: what is kept there is whole at any time.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
