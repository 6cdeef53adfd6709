//! Object `selftest`: the kernel's bucket arithmetic, and an empty program, for tests and benchmarks.

use anyhow::{Result, ensure};
use exporter_common::selftest::{SELFTEST_VALUES, SelftestRow};

use crate::kernel::{
    bpf,
    mapped::Mapped,
    object::{Loader, Object},
};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/selftest.o"));

/// Sorts `values` into buckets inside the kernel.
pub fn indices_in_the_kernel(values: &[u64]) -> Result<Vec<SelftestRow>> {
    let mut object = Loader::new("selftest", OBJECT).load()?;
    let mut rows: Mapped<SelftestRow> = object.mapped("ROWS")?;
    let mut all = Vec::with_capacity(values.len());
    for chunk in values.chunks(SELFTEST_VALUES) {
        for (row, value) in chunk.iter().enumerate() {
            rows.set(row, SelftestRow { value: *value, ..SelftestRow::default() });
        }
        let result = object.test_run("selftest")?;
        ensure!(result == 0, "program `selftest` says {result}");
        all.extend((0..chunk.len()).map(|row| rows.get(row)));
    }
    Ok(all)
}

/// A program on sched_switch that does nothing.
pub struct Floor(Object);

impl Floor {
    /// Attaches it.
    pub fn attach() -> Result<Self> {
        let mut object = Loader::new("selftest", OBJECT).load()?;
        object.attach_tracepoint("sched_switch")?;
        Ok(Self(object))
    }

    /// What the kernel knows about it.
    pub fn program_info(&self) -> Option<bpf::ProgramInfo> {
        self.0.program_info("sched_switch")
    }
}
