//! Hook family `block` with its collector.

use anyhow::Result;

use super::{
    Account, Family, ProgramAccount, World,
    block_io::{self, BlockIo, Books},
};
use crate::{
    hooks::block::{Block, PROGRAMS, Parts},
    kernel::{btf::Btf, host::Hierarchy},
};

/// The attached hooks, and who reads them.
pub struct BlockFamily {
    block: Block,
    block_io: BlockIo,
}

impl BlockFamily {
    /// Attaches the hooks for what `parts` says.
    pub fn attach(btf: &Btf, hierarchy: &Hierarchy, parts: Parts) -> Result<Self> {
        let block = Block::attach(btf, hierarchy, parts)?;
        let (_, slots) = block.slots();
        Ok(Self { block, block_io: BlockIo::new(btf, slots, parts.kept) })
    }
}

impl Family for BlockFamily {
    fn collectors(&self) -> Vec<&'static str> {
        vec![block_io::DESCRIPTION.name]
    }

    fn read(&mut self, world: &mut World) -> Result<()> {
        let World { ledger, cgroups, now, backward_values } = world;
        self.block.evict(|id| cgroups.is_gone(id))?;
        let mut books = Books { ledger, now: *now, backward_values };
        self.block_io.read(&mut self.block, &mut books, &mut |id| cgroups.path(id))
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
            maps: self.block.map_bytes(),
            slots: self.block.slots(),
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
