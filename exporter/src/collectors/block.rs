//! Hook family `block` with its collector.

use anyhow::Result;

use super::{
    Account, Family, ProgramAccount, World,
    block_io::{self, BlockIo},
    registry::Kernel,
};
use crate::{
    config::{self, BlockIoLabel, By, Config},
    hooks::{
        self,
        block::{Block, Kept, PROGRAMS, Parts},
    },
};

/// The attached hooks, and who reads them.
pub(super) struct BlockFamily {
    block: Block,
    block_io: BlockIo,
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
            block_io: BlockIo::new(&kernel.btf, slots, parts.kept, config.collectors.block_io.by),
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
    let config::BlockIo { by, labels, .. } = &config.collectors.block_io;
    let kept = Kept {
        device: labels.contains(&BlockIoLabel::Device),
        operation: labels.contains(&BlockIoLabel::Operation),
        cgroup: *by != By::None,
    };
    Parts { slots: config.limits.slots, kept }
}

impl Family for BlockFamily {
    fn collectors(&self) -> Vec<&'static str> {
        vec![block_io::DESCRIPTION.name]
    }

    fn read(&mut self, world: &mut World) -> Result<()> {
        self.block.evict(|id| world.identities.is_gone(id))?;
        self.block_io.read(&mut self.block, world)
    }

    fn account(&self) -> Account {
        let totals = self.block.totals();
        let unmeasured = self.block_io.unmeasured();
        let programs = PROGRAMS.iter().filter_map(|(program, name)| {
            let info = self.block.program_info(name)?;
            Some(ProgramAccount::new(name, name, "tp_btf", totals.programs[*program as usize], &info))
        });
        Account {
            family: "block",
            programs: programs.collect(),
            maps: self.block.map_bytes().to_vec(),
            slots: Some(self.block.slots()),
            failures: vec![
                ("slots_exhausted", totals.slots.exhausted),
                ("slot_insert_failed", totals.slots.insert_failed),
                ("requests_full", totals.requests_full),
                ("errors_full", totals.errors_full),
                ("devices_full", totals.devices_full),
                ("start_missed", unmeasured.missed_starts),
                ("value_clamped", totals.clamped),
            ],
        }
    }
}
