//! One table of rows, read.

use anyhow::{Context as _, Result};
use exporter_common::{
    Plain,
    histogram::Durations,
    rows::{FIRST_FIXED, RowKey},
};

use crate::kernel::{
    mapped::Mapped,
    object::Object,
    slots::{SlotTable, Tenancy},
};

/// The names of a table's maps.
pub(super) struct Names {
    index: &'static str,
    free: &'static str,
    owners: &'static str,
    values: &'static str,
}

pub(super) static COUNTERS: Names =
    Names { index: "COUNTER_OF", free: "FREE_COUNTERS", owners: "COUNTER_OWNERS", values: "COUNTERS" };

pub(super) static HISTOGRAMS: Names = Names {
    index: "HISTOGRAM_OF",
    free: "FREE_HISTOGRAMS",
    owners: "HISTOGRAM_OWNERS",
    values: "HISTOGRAMS",
};

/// Whose increments a row holds at this read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Whose {
    /// This key's.
    Of(RowKey),
    /// This key's, for the last time.
    Last(RowKey),
    /// Those of a series' fold: by the row's number, or of the series that the row had.
    Fold {
        /// The number of the series, where the row's own number says so.
        series: Option<u32>,
    },
}

/// A row that may hold increments.
pub struct Row<'a, V> {
    /// Its number.
    pub number: usize,
    /// Whose increments it holds.
    pub whose: Whose,
    values: &'a Mapped<V>,
    copy: &'a mut V,
}

impl<V: Plain> Row<'_, V> {
    /// Its value, as it is now.
    pub fn value(&mut self) -> &V {
        self.values.copy(self.number, self.copy);
        self.copy
    }
}

impl Row<'_, Durations> {
    /// The first bucket and the sum, which share a line of the cache, where the whole has 26.
    pub fn head(&self) -> (u32, u64) {
        let histogram = self.values.at(self.number);
        // SAFETY: volatile reads of fields of an existing entry.
        unsafe {
            let sum = (&raw const (*histogram).sum).read_volatile();
            ((&raw const (*histogram).buckets).cast::<u32>().read_volatile(), sum)
        }
    }
}

/// A table of an attached hook family.
pub struct Table<V> {
    names: &'static Names,
    values: Mapped<V>,
    slots: SlotTable<RowKey>,
    /// What the rows from [`FIRST_FIXED`] on hold.
    fixed: Vec<RowKey>,
    copy: Box<V>,
}

impl<V: Plain> Table<V> {
    /// Takes over a table that was just made. `block` is what a block of fixed rows holds.
    pub(super) fn new(object: &Object, names: &'static Names, block: &[RowKey]) -> Result<Self> {
        let fixed: Vec<_> = (0..super::shards()).flat_map(|_| block.iter().copied()).collect();
        let reserved = FIRST_FIXED as usize + fixed.len();
        let slots = SlotTable::with_reserved(object.mapped(names.owners)?, object.map(names.free)?, reserved)
            .context("cannot queue the free rows")?;
        // SAFETY: a plain type takes any bytes.
        let copy = Box::new(unsafe { std::mem::zeroed() });
        Ok(Self { names, values: object.mapped(names.values)?, slots, fixed, copy })
    }

    /// All rows, in use or not.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Rows of tenants in use, and all there are for tenants.
    pub fn rows(&self) -> (usize, usize) {
        (self.slots.used(), self.slots.len() - FIRST_FIXED as usize - self.fixed.len())
    }

    /// Ends the tenancy of keys for which `is_gone` holds.
    pub fn evict(&mut self, object: &Object, is_gone: impl FnMut(&RowKey) -> bool) -> Result<()> {
        self.slots.evict(object.map(self.names.index)?, is_gone).context("cannot end a row's tenancy")
    }

    /// Goes through all rows that may hold increments.
    pub fn read(&mut self, object: &Object, mut visit: impl FnMut(Row<'_, V>)) -> Result<()> {
        let Self { names, values, slots, fixed, copy } = self;
        let (index, free) = (object.map(names.index)?, object.map(names.free)?);
        for (number, tenancy) in slots.scan(index).context("cannot read the table of rows")? {
            let first_fixed = FIRST_FIXED as usize;
            let whose = match tenancy {
                Tenancy::Goes(key) | Tenancy::Began(key) => Whose::Of(key),
                Tenancy::Ends(key) => Whose::Last(key),
                Tenancy::Fold if number < first_fixed => Whose::Fold { series: Some(number as u32) },
                Tenancy::Fold => match fixed.get(number - first_fixed) {
                    Some(key) => Whose::Of(*key),
                    None => Whose::Fold { series: None },
                },
            };
            visit(Row { number, whose, values, copy });
        }
        slots.settle(free).context("cannot free a row")
    }
}
