//! Collectors whose values are [rows](exporter_common::rows): what is the same in all of them.
//!
//! Such a collector says what it attaches and what its rows mean ([`RowsCollector`]), and nothing else: loading,
//! reading, naming, folding and its own account follow.

mod shelf;

use anyhow::Result;
use exporter_common::{Plain, histogram::Durations, rows::RowKey};

use super::{
    Account, Books, Description, Family, ProgramAccount, World,
    registry::{Entry, Kernel},
};
use crate::{
    catalogue::Metric,
    config::{By, Config, Limits, Section},
    entities::{
        ledger::Claim,
        widen::{Counter64, HistogramCursor},
    },
    hooks::{
        rows::{Hook, Layout, Plan, Row, RowsHook},
        rung::{Choice, Rung},
    },
    kernel::{host, object::Object},
    snapshot::{HistogramDelta, Labels},
};
use shelf::{Reading, Shelf};

/// What is special about a collector with rows.
pub trait RowsCollector: Sized + Send + 'static {
    /// What it is.
    const DESCRIPTION: &'static Description;
    /// Name of its hook family, and of its object.
    const FAMILY: &'static str;
    /// How it can be attached.
    const RUNGS: &'static [Rung];
    /// Its metrics by number of series; there is no series 0, and none from `FIRST_FIXED` on.
    const SERIES: &'static [Option<&'static Metric>];
    /// What its programs take note of, by number, as in `kernel_exporter_failures_total`.
    const NOTES: &'static [&'static str];
    /// A program that runs many times a second on every machine, if there is one: `doctor` watches it.
    const RESTLESS: Option<&'static str> = None;
    /// Whether a fixed row has no series as long as it is zero: where most of them will always be.
    const SPARSE: bool = false;
    /// Its section of the config.
    type Section: Section + Clone + PartialEq + Send;
    /// The object's constant `FIELDS`.
    type Fields: Plain;

    /// Its section of a config.
    fn section(config: &Config) -> &Self::Section;

    /// What its maps will be.
    fn layout(section: &Self::Section, limits: &Limits) -> Layout;

    /// Name, entries and bytes of an entry of the maps that its object has beside those of rows.
    fn maps(_section: &Self::Section) -> Vec<(&'static str, u32, usize)> {
        Vec::new()
    }

    /// What is to be attached on this kernel, and the collector, which knows the names of what is counted.
    ///
    /// # Errors
    ///
    /// When the kernel lacks what it cannot do without.
    fn plan(kernel: &Kernel, section: &Self::Section, limits: &Limits) -> Result<(Plan<Self::Fields>, Self)>;

    /// Fills maps of its own of an object that was just loaded, before programs are attached.
    ///
    /// # Errors
    ///
    /// When it cannot; then it is not attached.
    fn prepare(&mut self, _object: &Object) -> Result<()> {
        Ok(())
    }

    /// The labels that say what was done, of a row of this series with this attribute.
    fn labels(&self, series: u32, attribute: u32) -> Labels;

    /// Whether what a row is about does not exist any more, beside its cgroup.
    fn is_gone(&self, _key: &RowKey) -> bool {
        false
    }

    /// Reads what is counted elsewhere than in rows.
    ///
    /// # Errors
    ///
    /// When it cannot be read; its series stay as they are.
    fn read_more(&mut self, _object: &Object, _books: &mut Books) -> Result<()> {
        Ok(())
    }

    /// Gives up the claims that [`read_more`](Self::read_more) made.
    fn close_more(&mut self, _books: &mut Books) {}
}

/// Rows for tenants that the limits lead to when there are a few kinds of things per cgroup: of counters, and of
/// histograms.
pub fn rows_for_cgroups(limits: &Limits) -> (u32, u32) {
    (limits.slots.saturating_mul(2), limits.slots / 2)
}

impl Entry {
    /// A collector with rows, before it is attached.
    pub(super) const fn of_rows<C: RowsCollector>() -> Self {
        Self {
            collectors: const { &[C::DESCRIPTION] },
            enabled: |config| {
                C::section(config).enabled().then_some(C::DESCRIPTION.name).into_iter().collect()
            },
            rungs: C::RUNGS,
            restless: C::RESTLESS,
            attach: |kernel, config| Ok(Box::new(RowsFamily::<C>::attach(kernel, config)?)),
            map_bytes: map_bytes::<C>,
        }
    }
}

fn map_bytes<C: RowsCollector>(config: &Config) -> Vec<(String, u64)> {
    let section = C::section(config);
    if !section.enabled() {
        return Vec::new();
    }
    let own = C::maps(section);
    let bytes = |(name, entries, size): (&str, u32, usize)| {
        (format!("{} {name}", C::FAMILY), u64::from(entries) * size as u64)
    };
    C::layout(section, &config.limits).sizes().into_iter().chain(own).map(bytes).collect()
}

/// The attached hooks of a collector with rows, and who reads them.
struct RowsFamily<C: RowsCollector> {
    hook: RowsHook,
    collector: C,
    section: C::Section,
    layout: Layout,
    counters: Shelf<Counter64>,
    histograms: Shelf<HistogramCursor>,
    delta: HistogramDelta,
    /// CPU time that reading has taken.
    read_ns: u64,
}

impl<C: RowsCollector> RowsFamily<C> {
    fn attach(kernel: &Kernel, config: &Config) -> Result<Self> {
        let section = C::section(config).clone();
        let (plan, mut collector) = C::plan(kernel, &section, &config.limits)?;
        // The plan's may know more of what this kernel has; what a config leads to is compared with this.
        let layout = C::layout(&section, &config.limits);
        let prepare = |object: &Object| collector.prepare(object);
        let hook = RowsHook::attach(&kernel.btf, &kernel.hierarchy, plan, prepare)?;
        let (counters, histograms) = hook.len();
        Ok(Self {
            hook,
            collector,
            section,
            layout,
            counters: Shelf::new(counters),
            histograms: Shelf::new(histograms),
            delta: HistogramDelta::default(),
            read_ns: 0,
        })
    }

    fn read_rows(&mut self, world: &mut World) -> Result<()> {
        let Self { hook, collector, section, counters, histograms, delta, .. } = self;
        let (counter_rows, histogram_rows, object) = hook.parts();
        let World { books, identities } = world;
        let mut is_gone =
            |key: &RowKey| key.cgroup != 0 && identities.is_gone(key.cgroup) || collector.is_gone(key);
        counter_rows.evict(object, &mut is_gone)?;
        histogram_rows.evict(object, is_gone)?;
        let names = Names { collector, by: section.by() };
        counter_rows.read(object, |mut row| {
            let count = Count(*row.value());
            counters.visit(row.number, row.whose, count, &names, identities, books);
        })?;
        histogram_rows.read(object, |row| {
            let (number, whose) = (row.number, row.whose);
            histograms.visit(number, whose, Samples { row, delta }, &names, identities, books);
        })?;
        let (.., object) = self.hook.parts();
        self.collector.read_more(object, &mut world.books)
    }
}

/// What a counter's row holds.
struct Count(u64);

impl Reading for Count {
    type Cursor = Counter64;

    fn is_idle(&mut self, cursor: &mut Counter64) -> bool {
        cursor.is_at(self.0)
    }

    fn take(&mut self, books: &mut Books, cursor: &mut Counter64, claim: &Claim) {
        let by = books.increment(cursor.advance(self.0));
        books.count(claim, by);
    }
}

/// What a histogram's row holds, of which most is only read when something has come.
struct Samples<'a> {
    row: Row<'a, Durations>,
    delta: &'a mut HistogramDelta,
}

impl Samples<'_> {
    fn rest(&self, cursor: &HistogramCursor) -> bool {
        let (first, sum) = self.row.head();
        cursor.rests_at(first, sum)
    }
}

impl Reading for Samples<'_> {
    type Cursor = HistogramCursor;

    fn is_idle(&mut self, cursor: &mut HistogramCursor) -> bool {
        self.rest(cursor) || {
            let value = self.row.value();
            cursor.stays_at(&value.buckets, value.sum)
        }
    }

    fn take(&mut self, books: &mut Books, cursor: &mut HistogramCursor, claim: &Claim) {
        if self.rest(cursor) {
            return;
        }
        let value = self.row.value();
        if let Err(behind) = cursor.advance(&value.buckets, value.sum, self.delta) {
            books.note(behind);
        }
        books.observe(claim, self.delta);
    }
}

/// Gives rows their names.
struct Names<'a, C> {
    collector: &'a C,
    by: By,
}

/// What a [`Shelf`] needs to know of rows.
trait Naming {
    /// How series say whose cgroup it was.
    fn by(&self) -> By;
    /// The metric of a series.
    fn metric(&self, series: u32) -> Option<&'static Metric>;
    /// Whether a row in which nothing is has no series.
    fn is_sparse(&self) -> bool;
    /// The labels that say what was done; those of the fold where there is no attribute.
    fn what(&self, series: u32, attribute: Option<u32>) -> Labels;
}

impl<C: RowsCollector> Naming for Names<'_, C> {
    fn by(&self) -> By {
        self.by
    }

    fn metric(&self, series: u32) -> Option<&'static Metric> {
        C::SERIES.get(series as usize).copied().flatten()
    }

    fn is_sparse(&self) -> bool {
        C::SPARSE
    }

    fn what(&self, series: u32, attribute: Option<u32>) -> Labels {
        match attribute {
            Some(attribute) => self.collector.labels(series, attribute),
            None => {
                let attributes = self.metric(series).map_or(&[][..], |metric| metric.attributes);
                Labels::new(attributes.iter().map(|key| (*key, key.fold.stand_in())))
            }
        }
    }
}

impl<C: RowsCollector> Family for RowsFamily<C> {
    fn collectors(&self) -> Vec<&'static str> {
        vec![C::DESCRIPTION.name]
    }

    fn choice(&self) -> &Choice {
        self.hook.choice()
    }

    fn serves(&self, config: &Config) -> bool {
        let mut asked = C::section(config).clone();
        let layout = C::layout(&asked, &config.limits);
        asked.set_by(self.section.by());
        layout == self.layout && asked == self.section
    }

    fn adopt(&mut self, config: &Config) {
        self.section.set_by(C::section(config).by());
    }

    fn read(&mut self, world: &mut World) -> Result<()> {
        let begun = host::thread_cpu_ns();
        let read = self.read_rows(world);
        self.read_ns += host::thread_cpu_ns() - begun;
        read
    }

    fn close(&mut self, world: &mut World) {
        self.counters.close(&mut world.books);
        self.histograms.close(&mut world.books);
        self.collector.close_more(&mut world.books);
    }

    fn account(&self) -> Account {
        let name = C::DESCRIPTION.name;
        let programs = self.hook.programs().map(|(program, runs, info)| {
            let account = ProgramAccount::new(program.name, name, runs, &info);
            match program.hook {
                Hook::Tracepoint => account,
                Hook::Entry(function) => ProgramAccount { hook: function, rung: "fentry", ..account },
                Hook::Sockets => ProgramAccount { hook: "sockets", rung: "sock_ops", ..account },
                Hook::Exit(function) => ProgramAccount { hook: function, rung: "fexit", ..account },
            }
        });
        let totals = self.hook.totals();
        let mut failures = vec![
            ("slots_exhausted", totals.slots.exhausted),
            ("slot_insert_failed", totals.slots.insert_failed),
            ("value_clamped", totals.clamped),
        ];
        failures.extend(C::NOTES.iter().copied().zip(totals.notes));
        Account {
            family: C::FAMILY,
            programs: programs.collect(),
            reads: vec![(name, self.read_ns)],
            maps: self.hook.map_bytes().to_vec(),
            slots: Some(self.hook.rows()),
            failures,
        }
    }
}
