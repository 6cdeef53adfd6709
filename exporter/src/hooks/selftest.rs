//! Object `selftest`: the kernel's bucket arithmetic for tests, and empty programs as a floor for costs.

use std::time::Instant;

use anyhow::{Result, ensure};
use exporter_common::selftest::{SELFTEST_VALUES, SelftestRow};

use crate::kernel::{
    bpf,
    btf::Btf,
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
    pub fn attach(btf: &Btf) -> Result<Self> {
        let mut object = Loader::new("selftest", OBJECT).load()?;
        object.attach_tracepoint(btf, "sched_switch")?;
        Ok(Self(object))
    }

    /// What the kernel knows about it.
    pub fn program_info(&self) -> Option<bpf::ProgramInfo> {
        self.0.program_info("sched_switch")
    }
}

/// What the kernel takes to enter and to leave a program on a tracepoint, in nanoseconds: the time of renaming
/// this thread to its own name with an empty program on that, less the time without.
pub fn entry_cost_ns(btf: &Btf) -> Result<f64> {
    let without = renaming_ns();
    let mut object = Loader::new("selftest", OBJECT).load()?;
    object.attach_tracepoint(btf, "task_rename")?;
    Ok((renaming_ns() - without).max(0.0))
}

/// The fastest of several batches: what else happens on the CPU only makes them slower.
fn renaming_ns() -> f64 {
    const BATCHES: usize = 20;
    const BATCH: u32 = 500;
    let mut name = [0u8; 16];
    // SAFETY: the kernel fills at most sixteen bytes, and reads as many.
    let rename = |name: &[u8; 16]| unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    // SAFETY: as above.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let batches = (0..BATCHES).map(|_| {
        let start = Instant::now();
        for _ in 0..BATCH {
            rename(&name);
        }
        start.elapsed().as_nanos() as f64 / f64::from(BATCH)
    });
    batches.fold(f64::INFINITY, f64::min)
}
