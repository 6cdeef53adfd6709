//! Collector `interrupts`.

mod metrics;

pub use metrics::*;

use std::fs;

use anyhow::Result;
use exporter_common::{
    interrupts::{FIXED_HISTOGRAMS, InterruptsFields, SOFTIRQS, program, series},
    rows::RowKey,
};

use super::{Description, registry::Kernel, rows::RowsCollector};
use crate::{
    catalogue::{Metric, keys},
    config::{self, Config, Limits},
    hooks::{
        rows::{Hook, Layout, Plan, Program},
        rung::Rung,
    },
    kernel::host,
    snapshot::Labels,
};

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/interrupts.o"));

/// Hard interrupts that are told apart.
const INTERRUPTS: u32 = 256;

/// What vectors are called in /proc/softirqs, in lower case (`softirq_to_name`, kernel/softirq.c). They are the kernel's
/// interface: user space reads them there by position.
const VECTORS: [&str; SOFTIRQS as usize] =
    ["hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu"];

/// Names of interrupts.
pub struct Interrupts;

impl RowsCollector for Interrupts {
    const DESCRIPTION: &'static Description = &DESCRIPTION;
    const FAMILY: &'static str = "interrupts";
    const RUNGS: &'static [Rung] = &[Rung::tp_btf(OBJECT)];
    const SERIES: &'static [Option<&'static Metric>] =
        &[None, Some(&HARD_DURATION), Some(&SOFT_DURATION), Some(&SOFT_LATENCY), Some(&CPU_TIME)];
    const NOTES: &'static [&'static str] = &["start_missed", "raise_missed"];
    type Section = config::Interrupts;
    type Fields = InterruptsFields;

    fn section(config: &Config) -> &config::Interrupts {
        &config.collectors.interrupts
    }

    fn layout(section: &config::Interrupts, _: &Limits) -> Layout {
        let of_vectors = |series| (0..SOFTIRQS).map(move |attribute| RowKey { cgroup: 0, series, attribute });
        let fixed: Vec<_> = of_vectors(series::SOFT).chain(of_vectors(series::SOFT_LATENCY)).collect();
        debug_assert_eq!(fixed.len(), FIXED_HISTOGRAMS as usize);
        Layout {
            keep_cgroup: false,
            durations: true,
            fixed_counters: Vec::new(),
            fixed_histograms: fixed,
            counters: if section.per_cpu { 2 * host::possible_cpus().unwrap_or(1) } else { 0 },
            histograms: INTERRUPTS,
        }
    }

    fn plan(
        _: &Kernel,
        section: &config::Interrupts,
        limits: &Limits,
    ) -> Result<(Plan<InterruptsFields>, Self)> {
        let tracepoint = |name, number| Program { name, number, hook: Hook::Tracepoint, loses: None };
        let plan = Plan {
            family: Self::FAMILY,
            rungs: Self::RUNGS,
            fields: InterruptsFields { per_cpu: u32::from(section.per_cpu) },
            // Beginnings first: an end without one is not measured.
            programs: vec![
                tracepoint("irq_handler_entry", program::HARD_ENTRY),
                tracepoint("irq_handler_exit", program::HARD_EXIT),
                tracepoint("softirq_raise", program::SOFT_RAISE),
                tracepoint("softirq_entry", program::SOFT_ENTRY),
                tracepoint("softirq_exit", program::SOFT_EXIT),
            ],
            missing: Vec::new(),
            layout: Self::layout(section, limits),
            maps: Vec::new(),
        };
        Ok((plan, Self))
    }

    fn labels(&self, of: u32, attribute: u32) -> Labels {
        match of {
            series::HARD => Labels::new([(&keys::INTERRUPT, &*interrupt(attribute))]),
            series::PER_CPU => {
                let kind = if attribute % 2 == 1 { "soft" } else { "hard" };
                Labels::new([(&keys::CPU, &*(attribute / 2).to_string()), (&keys::INTERRUPT_TYPE, kind)])
            }
            _ => {
                Labels::new([(&keys::SOFTIRQ, VECTORS.get(attribute as usize).copied().unwrap_or("unknown"))])
            }
        }
    }
}

/// Who has asked for a hard interrupt, as /proc/interrupts says it; the number when nobody has it any more.
fn interrupt(number: u32) -> String {
    let path = format!("/sys/kernel/irq/{number}/actions");
    match fs::read_to_string(path) {
        Ok(actions) if !actions.trim().is_empty() => actions.trim().to_owned(),
        _ => format!("interrupt_{number}"),
    }
}
