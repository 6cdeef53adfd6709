//! Hook family `network`, for the collector of that name.
//!
//! One program, on packets that are dropped: where they are counted by hundreds of thousands, an attack is on, so a
//! reason leads to its counter without a lookup.
#![no_std]
#![no_main]

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use exporter_common::network::{NetworkFields, program, row_of};
use exporter_ebpf::frozen;

exporter_ebpf::rows!();

/// Set by user space before the object is loaded.
#[unsafe(no_mangle)]
static FIELDS: NetworkFields = NetworkFields { not_dropped: 0, consumed: 0 };

/// `kfree_skb`: a packet is dropped, for the reason in the third argument. Only attached where there is one.
#[btf_tracepoint(function = "kfree_skb")]
fn kfree_skb(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::FREE, |cpu| {
        let reason: u32 = ctx.arg(2);
        if reason != frozen!(FIELDS.not_dropped) && reason != frozen!(FIELDS.consumed) {
            cpu.count_fixed(row_of(reason), 1);
        }
    })
}
