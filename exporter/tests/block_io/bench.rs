//! The hooks and the collector, driven in this process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use exporter_common::{
    block_io::{BlockOwner, BlockSlot},
    histogram::{Bytes, bucket},
};
use kernel_exporter::{
    catalogue::{Metric, keys},
    collectors::{
        Books, World,
        block_io::{BlockIo, DURATION, ERRORS, IN_FLIGHT, METRICS, QUEUE_DURATION, SIZE},
    },
    config::By,
    entities::{
        cgroups::Cgroups,
        identity::Identities,
        kubernetes::Pods,
        ledger::{Ledger, Limits, Now},
    },
    hooks::block::{Block, Kept, PROGRAMS, Parts, disk_name},
    kernel::{
        btf::Btf,
        host::{Hierarchy, lift_memlock_limit},
        slots::Tenancy,
    },
    snapshot::{Labels, Snapshot, Value},
};

use crate::disk::{Disk, Statistics};

pub(crate) const ALL: Kept = Kept { device: true, operation: true, cgroup: true };

/// One test at a time: they count the same requests.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct Bench {
    pub(crate) block: Block,
    collector: BlockIo,
    world: World,
    _turn: MutexGuard<'static, ()>,
}

/// Requests and bytes.
pub(crate) type Counted = (u64, u64);

impl Bench {
    /// `None`, with the reason printed, where the programs can't be loaded.
    pub(crate) fn attach(kept: Kept) -> Option<Self> {
        Self::with(Parts { slots: 1_024, kept, durations: true })
    }

    /// As the collector does it with counters only.
    pub(crate) fn attach_counters() -> Option<Self> {
        Self::with(Parts { slots: 1_024, kept: Kept { cgroup: false, ..ALL }, durations: false })
    }

    fn with(parts: Parts) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: no preconditions.
        if unsafe { libc::geteuid() } != 0 {
            println!("SKIPPED: loading BPF programs needs root");
            return None;
        }
        let btf = match Btf::of_running_kernel() {
            Ok(btf) => btf,
            Err(error) => {
                println!("SKIPPED: {error}");
                return None;
            }
        };
        let _ = lift_memlock_limit();
        let hierarchy = Hierarchy::of_this_host().expect("a cgroup hierarchy");
        let block = Block::attach(&btf, &hierarchy, parts).expect("attached");
        let by = if parts.kept.cgroup { By::Cgroup } else { By::None };
        let collector = BlockIo::new(&btf, block.slots().1, parts, by);
        let ledger = Ledger::new(Limits::default(), METRICS);
        let books = Books::new(ledger);
        let identities = Identities::new(Cgroups::start(None, &hierarchy), Pods::off());
        let mut bench = Self { block, collector, world: World { books, identities }, _turn: turn };
        bench.read();
        Some(bench)
    }

    pub(crate) fn read(&mut self) -> Snapshot {
        let Self { block, collector, world, .. } = self;
        block.evict(|_| false).expect("evicted");
        world.books.now = Now::read();
        world.identities.refresh(&mut world.books.ledger, world.books.now);
        collector.read(block, world).expect("read");
        let books = &mut world.books;
        books.ledger.tick(books.now);
        assert_eq!(books.backward_values, 0);
        assert_eq!(books.ledger.stats().dropped, 0);
        books.ledger.snapshot(books.now)
    }

    /// Both views of a disk, at a moment in which nothing changes.
    pub(crate) fn at_rest(&mut self, disk: &Disk) -> (Snapshot, Statistics) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let durations = self.block.parts().durations;
        loop {
            let before = disk.statistics();
            std::thread::sleep(Duration::from_millis(100));
            let snapshot = self.read();
            let after = disk.statistics();
            // A request whose end the programs could not see stays in flight until its memory is another's.
            let is_at_rest = match in_flight(&snapshot, &disk.name) {
                Some(level) => durations && level >= 0 && level.unsigned_abs() <= self.skipped(),
                None => !durations,
            };
            if before == after && is_at_rest {
                return (snapshot, after);
            }
            let level = in_flight(&snapshot, &disk.name);
            assert!(
                Instant::now() < deadline,
                "{} has no rest: {before:?} {after:?}, {level:?} in flight",
                disk.name
            );
        }
    }

    /// How often the kernel skipped a program because it had interrupted or preempted itself, as it does
    /// from 6.2 on. A loop device's requests end in tasks and in interrupts, so there it happens.
    pub(crate) fn skipped(&self) -> u64 {
        let misses = |program| self.block.program_info(program)?.recursion_misses;
        PROGRAMS.iter().filter_map(|(_, program)| misses(program)).sum()
    }

    /// In every slot, each finished request has a duration, or is known to have none; on this disk all
    /// starts were seen but those for which the kernel skipped a program; and nothing was too small.
    pub(crate) fn check_slots(&mut self, disk: &Disk) {
        let samples = |buckets: &[u32]| buckets.iter().map(|n| u64::from(*n)).sum::<u64>();
        let skipped = self.skipped();
        let is_measured = self.block.parts().durations;
        let check = |slot: usize, tenancy: Tenancy<BlockOwner>, values: &BlockSlot| {
            let durations = samples(&values.duration);
            let BlockSlot { missed_starts, never_issued, .. } = *values;
            let ends = if is_measured { samples(&values.size) } else { 0 };
            assert_eq!(
                durations + missed_starts + never_issued,
                ends,
                "slot {slot}: {durations} durations, {missed_starts} missed, {never_issued} never issued",
            );
            assert!(samples(&values.queue) <= durations);
            if let Tenancy::Goes(owner) = tenancy
                && disk_name(owner.device, &owner.disk_name) == disk.name
            {
                let operation = owner.operation;
                assert!(missed_starts <= skipped, "{operation}: {missed_starts} missed, {skipped} skipped");
            }
        };
        self.block.read_slots(check).expect("read");
        let totals = self.block.totals();
        assert_eq!(
            (totals.clamped, totals.requests_full, totals.errors_full, totals.devices_full),
            (0, 0, 0, 0),
            "{totals:?}"
        );
        assert_eq!(totals.slots.exhausted + totals.slots.insert_failed, 0, "{totals:?}");
    }
}

fn series<'a>(
    snapshot: &'a Snapshot,
    metric: &'static Metric,
    device: &'a str,
) -> impl Iterator<Item = (&'a Labels, &'a Value)> {
    let families = snapshot.families.iter().filter(move |family| family.metric == metric);
    let all = families.flat_map(|family| &family.series);
    all.filter(move |series| series.labels.get(&keys::DEVICE) == Some(device))
        .map(|series| (&series.labels, &series.value))
}

/// Samples and sum by operation, over all cgroups.
pub(crate) fn histogram(
    snapshot: &Snapshot,
    metric: &'static Metric,
    device: &str,
) -> BTreeMap<String, Counted> {
    let mut all = BTreeMap::<String, Counted>::new();
    for (labels, value) in series(snapshot, metric, device) {
        let Value::Histogram(value) = value else { panic!("{value:?}") };
        let sum = all.entry(labels.get(&keys::OPERATION).expect("an operation").to_owned()).or_default();
        sum.0 += value.count();
        sum.1 += u64::try_from(value.sum).expect("not that much");
    }
    all
}

pub(crate) fn sizes(snapshot: &Snapshot, device: &str) -> BTreeMap<String, Counted> {
    histogram(snapshot, &SIZE, device)
}

/// How many requests for this operation are in the bucket of this size.
pub(crate) fn samples_of_size(snapshot: &Snapshot, device: &str, operation: &str, bytes: u64) -> u64 {
    let wanted = bucket::<Bytes>(bytes).number;
    series(snapshot, &SIZE, device)
        .filter(|(labels, _)| labels.get(&keys::OPERATION) == Some(operation))
        .map(|(_, value)| {
            let Value::Histogram(value) = value else { panic!("{value:?}") };
            let found = value.buckets.iter().filter(|(number, _)| u32::from(*number) == wanted);
            found.map(|(_, samples)| samples).sum::<u64>()
        })
        .sum()
}

pub(crate) fn durations(snapshot: &Snapshot, device: &str) -> BTreeMap<String, Counted> {
    histogram(snapshot, &DURATION, device)
}

pub(crate) fn queue_durations(snapshot: &Snapshot, device: &str) -> BTreeMap<String, Counted> {
    histogram(snapshot, &QUEUE_DURATION, device)
}

/// Errors by operation and name.
pub(crate) fn errors(snapshot: &Snapshot, device: &str) -> BTreeMap<(String, String), u64> {
    series(snapshot, &ERRORS, device)
        .map(|(labels, value)| {
            let Value::Counter(count) = value else { panic!("{value:?}") };
            let label = |key| labels.get(key).expect("a label").to_owned();
            ((label(&keys::OPERATION), label(&keys::ERROR)), *count)
        })
        .collect()
}

pub(crate) fn in_flight(snapshot: &Snapshot, device: &str) -> Option<i64> {
    series(snapshot, &IN_FLIGHT, device).next().map(|(_, value)| match value {
        Value::Gauge(level) => *level,
        other => panic!("{other:?}"),
    })
}

/// What has come between two snapshots, as /proc/diskstats sorts it.
pub(crate) fn as_statistics(before: &Snapshot, after: &Snapshot, device: &str) -> Statistics {
    let old = sizes(before, device);
    let mut sum = Statistics { reads: (0, 0), writes: (0, 0), discards: (0, 0), flushes: 0, merges: 0 };
    for (operation, (requests, bytes)) in sizes(after, device) {
        let (old_requests, old_bytes) = old.get(&operation).copied().unwrap_or_default();
        let (requests, bytes) = (requests - old_requests, bytes - old_bytes);
        let into = match operation.as_str() {
            "read" => &mut sum.reads,
            "discard" => &mut sum.discards,
            "flush" => {
                assert_eq!(bytes, 0);
                sum.flushes += requests;
                continue;
            }
            "drv_in" | "drv_out" | "scsi_in" | "scsi_out" => continue, // commands, which it leaves out
            _ => &mut sum.writes,
        };
        into.0 += requests;
        into.1 += bytes;
    }
    sum
}

/// Where a disk is sure to be, so that its test runs at least there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    OnTheHost,
    InVms,
}

/// Says why a test does nothing here. It counts as skipped where it should have run.
pub(crate) fn absent(what: &str, expected: Where) {
    let here =
        if std::env::var_os("KERNEL_EXPORTER_IN_VM").is_some() { Where::InVms } else { Where::OnTheHost };
    let verdict = if here == expected { "SKIPPED" } else { "elsewhere" };
    println!("{verdict}: there is no {what}");
}
