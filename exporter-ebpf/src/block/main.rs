//! Hook family `block`: the life of block requests, for the collector `block_io`.
//!
//! There is no program on `block_rq_error`: the block layer reports every error as the status of
//! `block_rq_complete` first, at the top of the same function (`blk_update_request`, block/blk-mq.c), and
//! `block_rq_error` only those of them that it also prints.
//!
//! Without durations only `block_rq_complete` is attached, and nothing is remembered of requests but of those
//! that complete more than once.
//!
//! Requests complete in interrupts, so programs interrupt each other on one CPU, and all counters are added
//! to atomically. What happens to one request happens in order, so its entry needs no such care.
#![no_std]
#![no_main]

mod disk;
mod fields;
mod maps;
mod requests;
mod submitter;
mod values;

use aya_ebpf::{
    helpers::generated::bpf_get_smp_processor_id, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use exporter_common::block_io::{BlockCpu, BlockProgram};
use exporter_ebpf::{kernel::Struct, program};

use crate::fields::field;

/// `block_rq_insert`: a request is put into a queue. Not every request is.
#[btf_tracepoint(function = "block_rq_insert")]
fn block_rq_insert(ctx: BtfTracePointContext) -> i32 {
    // SAFETY: `measured` hands out this CPU's record.
    measured(BlockProgram::Insert, |cpu| unsafe { requests::insert(cpu, request(&ctx)) })
}

/// `block_rq_issue`: a driver is given a request.
#[btf_tracepoint(function = "block_rq_issue")]
fn block_rq_issue(ctx: BtfTracePointContext) -> i32 {
    // SAFETY: as above.
    measured(BlockProgram::Issue, |cpu| unsafe { requests::issue(cpu, request(&ctx)) })
}

/// `block_rq_complete`: a part of a request has finished, most often all of it.
#[btf_tracepoint(function = "block_rq_complete")]
fn block_rq_complete(ctx: BtfTracePointContext) -> i32 {
    measured(BlockProgram::Complete, |cpu| {
        // `int` or, from 5.16, the unsigned byte `blk_status_t`: the kernel widens both.
        let (status, bytes): (u32, u32) = (ctx.arg(1), ctx.arg(2));
        // SAFETY: as above.
        unsafe { requests::complete(cpu, Struct::new(ctx.arg(0)), status as i32, bytes) }
    })
}

/// `block_rq_requeue`: a driver gives a request back unfinished.
#[btf_tracepoint(function = "block_rq_requeue")]
fn block_rq_requeue(ctx: BtfTracePointContext) -> i32 {
    // SAFETY: as above.
    measured(BlockProgram::Requeue, |_| unsafe { requests::requeue(request(&ctx)) })
}

/// `block_rq_merge`: a request is absorbed by its neighbour.
#[btf_tracepoint(function = "block_rq_merge")]
fn block_rq_merge(ctx: BtfTracePointContext) -> i32 {
    // SAFETY: as above.
    measured(BlockProgram::Merge, |_| unsafe { requests::merge(request(&ctx)) })
}

/// The request that a tracepoint is about.
#[inline(always)]
fn request(ctx: &BtfTracePointContext) -> Struct {
    Struct::new(if field!(request_argument) == 0 { ctx.arg(0) } else { ctx.arg(1) })
}

/// Counts and times a run of `program`, with this CPU's record.
#[inline(always)]
fn measured(program: BlockProgram, body: impl FnOnce(*mut BlockCpu)) -> i32 {
    // SAFETY: a helper without arguments.
    let Some(cpu) = maps::CPUS.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else { return 0 };
    // SAFETY: `cpu` points into a map's value.
    unsafe {
        let runs = &raw mut (*cpu).programs[program as usize];
        let started = program::begin_interruptible(runs);
        body(cpu);
        program::end(runs, started);
    }
    0
}
