//! Hook family `block` with its collector.

use anyhow::Result;

use super::{
    Account, Family, ProgramAccount, World,
    block_io::{self, BlockIo},
    registry::Kernel,
};
use crate::{
    config::{self, BlockIoLabel, By, Config, Detail},
    hooks::{
        self,
        block::{Block, Kept, PROGRAMS, Parts},
        rung::Choice,
    },
    kernel::host,
};

/// The attached hooks, and who reads them.
pub(super) struct BlockFamily {
    block: Block,
    block_io: BlockIo,
    /// CPU time that reading has taken.
    read_ns: u64,
}

impl BlockFamily {
    /// Whether the collector is on.
    pub(super) fn enabled(config: &Config) -> Vec<&'static str> {
        let enabled = config.collectors.block_io.enabled;
        enabled.then_some(block_io::DESCRIPTION.name).into_iter().collect()
    }

    /// Attaches the hooks.
    pub(super) fn from_config(kernel: &Kernel, config: &Config) -> Result<Box<dyn Family>> {
        let parts = parts(config);
        let block = Block::attach(&kernel.btf, &kernel.hierarchy, parts)?;
        let (_, slots) = block.slots();
        Ok(Box::new(Self {
            block,
            read_ns: 0,
            block_io: BlockIo::new(&kernel.btf, slots, parts, config.collectors.block_io.by),
        }))
    }

    /// Memory of the maps that the config leads to.
    pub(super) fn map_bytes(config: &Config) -> Vec<(String, u64)> {
        if !config.collectors.block_io.enabled {
            return Vec::new();
        }
        hooks::block::map_bytes(parts(config))
    }
}

fn parts(config: &Config) -> Parts {
    let config::BlockIo { detail, by, labels, .. } = &config.collectors.block_io;
    let durations = *detail == Detail::Histograms;
    let kept = Kept {
        device: labels.contains(&BlockIoLabel::Device),
        operation: labels.contains(&BlockIoLabel::Operation),
        // Only durations say whose they are.
        cgroup: durations && *by != By::None,
    };
    Parts { slots: config.limits.slots, kept, durations }
}

impl Family for BlockFamily {
    fn collectors(&self) -> Vec<&'static str> {
        vec![block_io::DESCRIPTION.name]
    }

    fn choice(&self) -> &Choice {
        self.block.choice()
    }

    fn serves(&self, config: &Config) -> bool {
        parts(config) == self.block.parts()
    }

    fn adopt(&mut self, config: &Config) {
        self.block_io.adopt(config.collectors.block_io.by);
    }

    fn read(&mut self, world: &mut World) -> Result<()> {
        let begun = host::thread_cpu_ns();
        let evicted = self.block.evict(|id| world.identities.is_gone(id));
        let read = evicted.and_then(|()| self.block_io.read(&mut self.block, world));
        self.read_ns += host::thread_cpu_ns() - begun;
        read
    }

    fn close(&mut self, world: &mut World) {
        self.block_io.close(&mut world.books);
    }

    fn account(&self) -> Account {
        let totals = self.block.totals();
        let programs = PROGRAMS.iter().filter_map(|(program, name)| {
            let info = self.block.program_info(name)?;
            Some(ProgramAccount::new(
                name,
                block_io::DESCRIPTION.name,
                totals.programs[*program as usize],
                &info,
            ))
        });
        let mut failures = vec![
            ("slots_exhausted", totals.slots.exhausted),
            ("slot_insert_failed", totals.slots.insert_failed),
            ("requests_full", totals.requests_full),
            ("errors_full", totals.errors_full),
            ("devices_full", totals.devices_full),
            ("value_clamped", totals.clamped),
        ];
        if self.block.parts().durations {
            failures.push(("start_missed", self.block_io.unmeasured().missed_starts));
        }
        Account {
            family: "block",
            programs: programs.collect(),
            reads: vec![(block_io::DESCRIPTION.name, self.read_ns)],
            maps: self.block.map_bytes().to_vec(),
            slots: Some(self.block.slots()),
            failures,
        }
    }
}
