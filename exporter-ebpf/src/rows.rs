//! The programs' side of [`exporter_common::rows`]: counters and histograms by cgroup and attribute.
//!
//! An object declares the maps with [`rows!`](crate::rows!), and its programs run through [`Rows::measured`]:
//!
//! ```ignore
//! exporter_ebpf::rows!();
//!
//! #[btf_tracepoint(function = "softirq_exit")]
//! fn softirq_exit(ctx: BtfTracePointContext) -> i32 {
//!     rows().measured(PROGRAM, |cpu| cpu.observe_fixed(ctx.arg(0), nanoseconds))
//! }
//! ```

use aya_ebpf::{
    helpers::{bpf_ktime_get_ns, generated::bpf_get_smp_processor_id},
    maps::{Array, HashMap, Queue},
};
use exporter_common::{
    histogram::{Durations, Nanoseconds},
    program::ProgramRuns,
    rows::{FIRST_FIXED, RowKey, RowsCpu, RowsFields},
    slots::{OVERFLOW_SLOT, SlotFailures},
};

use crate::{atomic, cgroup, frozen, histogram, kernel::Struct, program, program::Started, slots};

/// Set by user space before the object is loaded.
#[unsafe(no_mangle)]
static ROW_FIELDS: RowsFields = RowsFields {
    keep_cgroup: 0,
    durations: 0,
    shard_mask: 0,
    fixed_counters: 0,
    fixed_histograms: 0,
    block_per_cpu: 0,
};

/// The maps of one table.
#[derive(Clone, Copy)]
pub struct Table<V: 'static> {
    /// Key → number.
    pub index: &'static HashMap<RowKey, u32>,
    /// Rows that nobody has.
    pub free: &'static Queue<u32>,
    /// Number → key.
    pub owners: &'static Array<RowKey>,
    /// The values.
    pub values: &'static Array<V>,
}

impl<V> Table<V> {
    /// The value for `key`, in a row of its own if there is one.
    #[inline(always)]
    unsafe fn value(&self, failures: *mut SlotFailures, key: &RowKey) -> Option<*mut V> {
        let own = |row, taken: bool| {
            if let Some(owner) = self.owners.get_ptr_mut(row) {
                // SAFETY: `owner` is a map's value.
                unsafe { owner.write(if taken { *key } else { RowKey::default() }) };
            }
        };
        // SAFETY: the caller's promise for `failures`.
        let row = unsafe { slots::find_or_take(self.index, self.free, failures, key, || true, own) };
        self.values.get_ptr_mut(if row == OVERFLOW_SLOT { key.series } else { row })
    }

    /// The same, where `hint` is the row that it was the last time: it is, if it still belongs to the key.
    #[inline(always)]
    unsafe fn remembered_value(
        &self,
        failures: *mut SlotFailures,
        key: &RowKey,
        hint: *mut u32,
    ) -> Option<*mut V> {
        // SAFETY: the caller's promise; the owner is a map's value.
        unsafe {
            if let Some(owner) = self.owners.get_ptr(*hint)
                && (*owner).cgroup == key.cgroup
                && (*owner).series == key.series
                && (*owner).attribute == key.attribute
            {
                return self.values.get_ptr_mut(*hint);
            }
            let value = self.value(failures, key);
            if let Some(row) = self.index.get_ptr(key) {
                *hint = *row;
            }
            value
        }
    }
}

/// All maps of a hook family with rows; see [`rows!`](crate::rows!).
#[derive(Clone, Copy)]
pub struct Rows {
    /// One record per possible CPU.
    pub cpus: &'static Array<RowsCpu>,
    /// Counters.
    pub counters: Table<u64>,
    /// Histograms of durations.
    pub histograms: Table<Durations>,
}

impl Rows {
    /// Counts and times a run of the program with this number.
    #[inline(always)]
    pub fn measured(self, program: u32, body: impl FnOnce(Cpu)) -> i32 {
        // SAFETY: the caller's promise.
        self.run(program, |runs| unsafe { program::begin_interruptible(runs) }, body)
    }

    /// The same for a program that on one CPU nothing interrupts that adds to the same numbers.
    #[inline(always)]
    pub fn measured_alone(self, program: u32, body: impl FnOnce(Cpu)) -> i32 {
        // SAFETY: the caller's promise.
        self.run(program, |runs| unsafe { program::begin(runs) }, body)
    }

    /// The same for one that needs the time in any case: `body` gets it.
    ///
    /// The clock is read once for both, and before anything else, because it waits for all that is under way.
    #[inline(always)]
    pub fn timed_alone(self, program: u32, body: impl FnOnce(Cpu, u64)) -> i32 {
        // SAFETY: a helper without arguments.
        let now = unsafe { bpf_ktime_get_ns() };
        // SAFETY: the caller's promise.
        self.run(program, |runs| unsafe { program::begin_at(runs, now) }, |cpu| body(cpu, now))
    }

    #[inline(always)]
    fn run(
        self,
        program: u32,
        begin: impl FnOnce(*mut ProgramRuns) -> Started,
        body: impl FnOnce(Cpu),
    ) -> i32 {
        // SAFETY: a helper without arguments.
        let number = unsafe { bpf_get_smp_processor_id() };
        let Some(record) = self.cpus.get_ptr_mut(number) else { return 0 };
        // SAFETY: `record` is a map's value.
        unsafe {
            let runs = &raw mut (*record).programs[program as usize];
            let started = core::hint::black_box(begin(runs));
            body(Cpu { record, number, rows: self });
            program::end(runs, started);
        }
        0
    }
}

/// The CPU on which a program runs, and what it can count there.
#[derive(Clone, Copy)]
pub struct Cpu {
    record: *mut RowsCpu,
    number: u32,
    rows: Rows,
}

impl Cpu {
    /// Adds to the counter of `series` and `attribute`, of this cgroup.
    #[inline(always)]
    pub fn count(self, series: u32, attribute: u32, cgroup: u64, by: u64) {
        let key = key(series, attribute, cgroup);
        // SAFETY: the record is a map's value, as is what the table returns.
        unsafe {
            if let Some(value) = self.rows.counters.value(&raw mut (*self.record).counters, &key) {
                atomic::add_u64(value, by);
            }
        }
    }

    /// Adds to the counter in the fixed row with this index.
    #[inline(always)]
    pub fn count_fixed(self, index: u32, by: u64) {
        let row = self.fixed(frozen!(ROW_FIELDS.fixed_counters), index);
        if let Some(value) = self.rows.counters.values.get_ptr_mut(row) {
            // SAFETY: a map's value.
            unsafe { atomic::add_u64(value, by) };
        }
    }

    /// Adds a duration to the histogram of `series` and `attribute`, of this cgroup. Nothing where durations are not
    /// measured.
    #[inline(always)]
    pub fn observe(self, series: u32, attribute: u32, cgroup: u64, nanoseconds: u64) {
        if !durations() {
            return;
        }
        let key = key(series, attribute, cgroup);
        // SAFETY: as in `count`.
        unsafe {
            if let Some(value) = self.rows.histograms.value(&raw mut (*self.record).histograms, &key) {
                self.add(value, nanoseconds);
            }
        }
    }

    /// As [`observe`](Self::observe), where `hint` remembers the row.
    ///
    /// # Safety
    ///
    /// `hint` points into a map's value.
    #[inline(always)]
    pub unsafe fn observe_remembered(
        self,
        series: u32,
        attribute: u32,
        cgroup: u64,
        nanoseconds: u64,
        hint: *mut u32,
    ) {
        if !durations() {
            return;
        }
        let key = key(series, attribute, cgroup);
        // SAFETY: as in `count`; the caller's promise.
        unsafe {
            let failures = &raw mut (*self.record).histograms;
            if let Some(value) = self.rows.histograms.remembered_value(failures, &key, hint) {
                self.add(value, nanoseconds);
            }
        }
    }

    /// As [`observe_fixed`](Self::observe_fixed), for programs that on one CPU nothing interrupts that adds to the same
    /// row: where CPUs share none either, it takes no locks.
    #[inline(always)]
    pub fn observe_fixed_alone(self, index: u32, nanoseconds: u64) {
        if frozen!(ROW_FIELDS.block_per_cpu) == 0 || !durations() {
            return self.observe_fixed(index, nanoseconds);
        }
        let row = self.fixed(frozen!(ROW_FIELDS.fixed_histograms), index);
        if let Some(value) = self.rows.histograms.values.get_ptr_mut(row) {
            // SAFETY: a map's value.
            unsafe {
                histogram::observe_alone::<Nanoseconds, _>(
                    &raw mut (*value).buckets,
                    &raw mut (*value).sum,
                    &raw mut (*self.record).clamped,
                    nanoseconds,
                );
            }
        }
    }

    /// Adds a duration to the histogram in the fixed row with this index. Nothing where durations are not measured.
    #[inline(always)]
    pub fn observe_fixed(self, index: u32, nanoseconds: u64) {
        if !durations() {
            return;
        }
        let row = self.fixed(frozen!(ROW_FIELDS.fixed_histograms), index);
        if let Some(value) = self.rows.histograms.values.get_ptr_mut(row) {
            // SAFETY: a map's value.
            unsafe { self.add(value, nanoseconds) };
        }
    }

    /// Takes note of something for `kernel_exporter_failures_total`.
    #[inline(always)]
    pub fn note(self, what: u32) {
        // SAFETY: the record is a map's value.
        unsafe { atomic::add_u64(&raw mut (*self.record).notes[what as usize], 1) };
    }

    /// A word that is remembered on this CPU.
    #[inline(always)]
    pub fn memory(self, word: u32) -> *mut u64 {
        // SAFETY: the record is a map's value.
        unsafe { &raw mut (*self.record).memory[word as usize] }
    }

    /// The number of the CPU.
    #[inline(always)]
    pub fn number(self) -> u32 {
        self.number
    }

    #[inline(always)]
    unsafe fn add(self, value: *mut Durations, nanoseconds: u64) {
        // SAFETY: the caller's promise for `value`.
        unsafe {
            histogram::observe::<Nanoseconds, _>(
                &raw mut (*value).buckets,
                &raw mut (*value).sum,
                &raw mut (*self.record).clamped,
                nanoseconds,
            );
        }
    }

    #[inline(always)]
    fn fixed(self, in_a_block: u32, index: u32) -> u32 {
        FIRST_FIXED + (self.number & frozen!(ROW_FIELDS.shard_mask)) * in_a_block + index
    }
}

#[inline(always)]
fn key(series: u32, attribute: u32, cgroup: u64) -> RowKey {
    RowKey { cgroup: if keeps_cgroup() { cgroup } else { 0 }, series, attribute }
}

/// Whether durations are measured: else programs need not remember when something began.
#[inline(always)]
pub fn durations() -> bool {
    frozen!(ROW_FIELDS.durations) == 1
}

/// Whether cgroups are told apart.
#[inline(always)]
pub fn keeps_cgroup() -> bool {
    frozen!(ROW_FIELDS.keep_cgroup) == 1
}

/// The id of the current task's cgroup, if cgroups are told apart. Only where the current task is the one that
/// something is about.
#[inline(always)]
pub fn current_cgroup() -> u64 {
    if keeps_cgroup() { cgroup::of_current_task() } else { 0 }
}

/// The id of a task's cgroup, if cgroups are told apart.
#[inline(always)]
pub fn cgroup_of(task: Struct) -> u64 {
    if keeps_cgroup() { cgroup::id(cgroup::of_task(task)) } else { 0 }
}

/// Declares the maps of a hook family with rows, whose sizes user space sets, and `rows()`, which names them.
#[macro_export]
macro_rules! rows {
    () => {
        mod rows {
            use ::aya_ebpf::{
                bindings::BPF_F_MMAPABLE,
                macros::map,
                maps::{Array, HashMap, Queue},
            };
            use ::exporter_common::{
                histogram::Durations,
                rows::{RowKey, RowsCpu},
            };
            use ::exporter_ebpf::rows::{Rows, Table};

            #[map]
            static CPUS: Array<RowsCpu> = Array::with_max_entries(1, BPF_F_MMAPABLE);
            #[map]
            static COUNTER_OF: HashMap<RowKey, u32> = HashMap::with_max_entries(1, 0);
            #[map]
            static FREE_COUNTERS: Queue<u32> = Queue::with_max_entries(1, 0);
            #[map]
            static COUNTER_OWNERS: Array<RowKey> = Array::with_max_entries(1, BPF_F_MMAPABLE);
            #[map]
            static COUNTERS: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);
            #[map]
            static HISTOGRAM_OF: HashMap<RowKey, u32> = HashMap::with_max_entries(1, 0);
            #[map]
            static FREE_HISTOGRAMS: Queue<u32> = Queue::with_max_entries(1, 0);
            #[map]
            static HISTOGRAM_OWNERS: Array<RowKey> = Array::with_max_entries(1, BPF_F_MMAPABLE);
            #[map]
            static HISTOGRAMS: Array<Durations> = Array::with_max_entries(1, BPF_F_MMAPABLE);

            /// The maps of this object.
            #[inline(always)]
            pub fn rows() -> Rows {
                Rows {
                    cpus: &CPUS,
                    counters: Table {
                        index: &COUNTER_OF,
                        free: &FREE_COUNTERS,
                        owners: &COUNTER_OWNERS,
                        values: &COUNTERS,
                    },
                    histograms: Table {
                        index: &HISTOGRAM_OF,
                        free: &FREE_HISTOGRAMS,
                        owners: &HISTOGRAM_OWNERS,
                        values: &HISTOGRAMS,
                    },
                }
            }
        }
        use rows::rows;
    };
}
