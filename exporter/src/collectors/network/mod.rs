//! Collector `network`.
//!
//! The kernel counts per device and per CPU what it carries, exactly and for everybody, so that is read where it stands
//! and no program runs per packet or poll. Only why packets are dropped it keeps to itself.

mod devices;
mod metrics;
mod reasons;
mod softnet;

pub use metrics::*;

use anyhow::Result;
use exporter_common::network::{NetworkFields, program};

use super::{Books, Description, registry::Kernel, rows::RowsCollector};
use crate::{
    catalogue::{Metric, keys},
    config::{self, Config, Limits},
    hooks::{
        rows::{Hook, Layout, Plan, Program},
        rung::{Missing, Rung},
    },
    kernel::object::Object,
    refusal::{Reason, Refusal},
    snapshot::Labels,
};
use devices::Devices;
use reasons::Reasons;
use softnet::Softnet;

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/network.o"));

/// Names of reasons, and the last readings of what the kernel counts.
pub struct Network {
    reasons: Reasons,
    devices: Option<Devices>,
    softnet: Softnet,
}

impl RowsCollector for Network {
    const DESCRIPTION: &'static Description = &DESCRIPTION;
    const FAMILY: &'static str = "network";
    const RUNGS: &'static [Rung] = &[Rung::tp_btf(OBJECT)];
    const SERIES: &'static [Option<&'static Metric>] = &[None, Some(&DROPS)];
    const NOTES: &'static [&'static str] = &[];
    const SPARSE: bool = true;
    type Section = config::Network;
    type Fields = NetworkFields;

    fn section(config: &Config) -> &config::Network {
        &config.collectors.network
    }

    /// Which rows hold something depends on the kernel, their number does not.
    fn layout(_: &config::Network, _: &Limits) -> Layout {
        layout(&Reasons::default())
    }

    fn plan(kernel: &Kernel, section: &config::Network, _: &Limits) -> Result<(Plan<NetworkFields>, Self)> {
        const FREE: Program = Program {
            name: "kfree_skb",
            number: program::FREE,
            hook: Hook::Tracepoint,
            loses: Some(BY_REASON),
        };
        let (reasons, path) = (Reasons::of(&kernel.btf), devices::of_host());
        let mut missing = Vec::new();
        missing.extend(reasons.is_none().then(without_reasons));
        missing.extend(path.is_none().then(without_devices));
        let programs = reasons.as_ref().map(|_| FREE).into_iter().collect();
        let reasons = reasons.unwrap_or_default();
        let plan = Plan {
            family: Self::FAMILY,
            rungs: Self::RUNGS,
            fields: reasons.fields,
            programs,
            missing,
            layout: layout(&reasons),
            maps: Vec::new(),
        };
        let devices = path.map(|path| Devices::new(path, section.devices));
        Ok((plan, Self { reasons, devices, softnet: Softnet::default() }))
    }

    fn labels(&self, _: u32, row: u32) -> Labels {
        Labels::new([(&keys::DROP_REASON, self.reasons.name(row).unwrap_or("other"))])
    }

    fn read_more(&mut self, _: &Object, books: &mut Books) -> Result<()> {
        let softnet = self.softnet.read(books);
        if let Some(devices) = &mut self.devices {
            devices.read(books)?;
        }
        softnet
    }

    fn close_more(&mut self, books: &mut Books) {
        self.softnet.close(books);
        if let Some(devices) = &mut self.devices {
            devices.close(books);
        }
    }
}

fn layout(reasons: &Reasons) -> Layout {
    Layout {
        keep_cgroup: false,
        durations: false,
        fixed_counters: reasons.rows(),
        fixed_histograms: Vec::new(),
        counters: 0,
        histograms: 0,
    }
}

/// What is not told where packets are dropped without a reason.
const BY_REASON: &str = "packets dropped, by reason";

fn without_reasons() -> Missing {
    Missing {
        loses: BY_REASON,
        refusal: Refusal {
            reason: Reason::NoHook,
            message:
                "this kernel's tracepoint `kfree_skb` does not say why a packet is freed, dropped or not"
                    .to_owned(),
            fix: "use Linux 5.17 or later".to_owned(),
        },
    }
}

fn without_devices() -> Missing {
    Missing {
        loses: "what network devices carry",
        refusal: Refusal {
            reason: Reason::Permission,
            message: "the exporter is in a network namespace of its own and does not see the host's processes, so the \
                      host's network devices are out of sight"
                .to_owned(),
            fix: "let it have the host's pid namespace (hostPID: true) or its network (hostNetwork: true)".to_owned(),
        },
    }
}
