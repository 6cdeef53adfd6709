//! Collector `memory`.

mod fields;
mod metrics;
mod paging;
mod programs;

pub use metrics::*;

use anyhow::Result;
use exporter_common::memory::{MemoryFields, OVER_HIGH, pending, scope, series, stall};

use super::{
    Books, Description,
    registry::Kernel,
    rows::{RowsCollector, rows_for_cgroups},
};
use crate::{
    catalogue::{Metric, keys},
    config::{self, By, Config, Limits, Section as _},
    hooks::{
        rows::{Layout, Plan},
        rung::Rung,
    },
    kernel::object::{HASH_HEAD, Object},
    snapshot::Labels,
};
use paging::Paging;

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/memory.o"));

/// Tasks that can be in the middle of something at a time.
const PENDING: u32 = 8_192;

/// Tasks of which is known how they reclaimed last.
const LAST_RECLAIMS: u32 = 1_024;

/// Names of what is counted, and what is counted elsewhere.
pub struct Memory {
    /// Name and number of the reasons for which the running kernel throttles.
    reasons: Vec<(String, u64)>,
    paging: Paging,
}

impl RowsCollector for Memory {
    const DESCRIPTION: &'static Description = &DESCRIPTION;
    const FAMILY: &'static str = "memory";
    const RUNGS: &'static [Rung] = &[Rung::tp_btf(OBJECT)];
    const SERIES: &'static [Option<&'static Metric>] = &[
        None,
        Some(&STALL_DURATION),
        Some(&THROTTLE_DURATION),
        Some(&RECLAIMED),
        Some(&OOM_KILLS),
        Some(&MAJOR_FAULT_DURATION),
        Some(&LOOKED_UP),
        Some(&ADDED),
    ];
    const NOTES: &'static [&'static str] = &["start_missed", "starts_full"];
    type Section = config::Memory;
    type Fields = MemoryFields;

    fn section(config: &Config) -> &config::Memory {
        &config.collectors.memory
    }

    fn layout(section: &config::Memory, limits: &Limits) -> Layout {
        let (counters, histograms) = rows_for_cgroups(limits);
        Layout {
            keep_cgroup: section.by() != By::None,
            durations: true,
            fixed_counters: Vec::new(),
            fixed_histograms: Vec::new(),
            counters,
            histograms,
        }
    }

    fn maps(_: &config::Memory) -> Vec<(&'static str, u32, usize)> {
        vec![
            ("PENDING", PENDING, HASH_HEAD + 2 * size_of::<u64>()),
            ("LAST_RECLAIM", LAST_RECLAIMS, HASH_HEAD + 2 * size_of::<u64>()),
        ]
    }

    fn plan(
        kernel: &Kernel,
        section: &config::Memory,
        limits: &Limits,
    ) -> Result<(Plan<MemoryFields>, Self)> {
        let btf = &kernel.btf;
        let fields = fields::of(btf)?;
        let (programs, missing) = programs::of(btf, section, fields.task_over_high, kernel.hierarchy.id == 0);
        let plan = Plan {
            family: Self::FAMILY,
            rungs: Self::RUNGS,
            fields,
            programs,
            missing,
            layout: Self::layout(section, limits),
            maps: Self::maps(section),
        };
        Ok((plan, Self { reasons: btf.enum_members("vmscan_throttle_state"), paging: Paging::begin()? }))
    }

    fn labels(&self, of: u32, attribute: u32) -> Labels {
        match of {
            series::STALL | series::RECLAIMED => {
                let kind = match attribute {
                    stall::DIRECT => "direct_reclaim",
                    stall::MEMCG => "memcg_reclaim",
                    stall::NODE => "node_reclaim",
                    _ => "compaction",
                };
                Labels::new([(&keys::MEMORY_STALL_TYPE, kind)])
            }
            series::THROTTLE => Labels::new([(&keys::MEMORY_THROTTLE_REASON, &*self.reason(attribute))]),
            series::OOM_KILLS => {
                let scope = match attribute {
                    scope::LIMIT => "limit",
                    scope::GLOBAL => "global",
                    _ => "unknown",
                };
                Labels::new([(&keys::OOM_SCOPE, scope)])
            }
            series::MAJOR_FAULT => {
                let source = if attribute == pending::SWAP_FAULT { "swap" } else { "file" };
                Labels::new([(&keys::MAJOR_FAULT_SOURCE, source)])
            }
            _ => Labels::default(),
        }
    }

    fn read_more(&mut self, _: &Object, books: &mut Books) -> Result<()> {
        self.paging.read(books)
    }

    fn close_more(&mut self, books: &mut Books) {
        self.paging.close(books);
    }
}

impl Memory {
    /// Why the kernel throttles: `VMSCAN_THROTTLE_WRITEBACK` is `writeback`.
    fn reason(&self, number: u32) -> String {
        if number == OVER_HIGH {
            return "memory_high".to_owned();
        }
        let name = self.reasons.iter().find(|(_, value)| *value == u64::from(number));
        match name {
            Some((name, _)) => name.strip_prefix("VMSCAN_THROTTLE_").unwrap_or(name).to_lowercase(),
            None => format!("reason_{number}"),
        }
    }
}
