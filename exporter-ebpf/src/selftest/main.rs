//! Object `selftest`: sorts values into buckets inside the kernel, so that tests can compare the result with
//! user space, and has empty programs, which cost what no program can see of its own cost.
#![no_std]
#![no_main]

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::{btf_tracepoint, map, raw_tracepoint},
    maps::Array,
    programs::{BtfTracePointContext, RawTracePointContext},
};
use exporter_common::{
    histogram::{Bytes, Nanoseconds, index},
    selftest::{SELFTEST_VALUES, SelftestRow},
};
use exporter_ebpf as _;

#[map]
static ROWS: Array<SelftestRow> = Array::with_max_entries(SELFTEST_VALUES as u32, BPF_F_MMAPABLE);

/// Only ever run by `BPF_PROG_TEST_RUN`, never attached.
#[raw_tracepoint(tracepoint = "sched_switch")]
fn selftest(_: RawTracePointContext) -> i32 {
    for number in 0..SELFTEST_VALUES as u32 {
        let Some(row) = ROWS.get_ptr_mut(number) else { return 1 };
        // SAFETY: `row` is a map's value.
        unsafe {
            (*row).nanoseconds = index::<Nanoseconds>((*row).value);
            (*row).bytes = index::<Bytes>((*row).value);
        }
    }
    0
}

/// Does nothing, as often as tasks switch: what any program on that hook costs at least.
#[btf_tracepoint(function = "sched_switch")]
fn sched_switch(_: BtfTracePointContext) -> i32 {
    0
}

/// Does nothing when a task is renamed, which happens only when somebody measures.
#[btf_tracepoint(function = "task_rename")]
fn task_rename(_: BtfTracePointContext) -> i32 {
    0
}
