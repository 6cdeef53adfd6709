//! Object `selftest`, for tests and benchmarks: sorts values into buckets inside the kernel, so that the
//! result can be compared with user space, and has an empty program as a floor for costs.
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
