//! Hook family `interrupts`, for the collector of that name.
//!
//! Handlers of hard interrupts run with interrupts off, and soft interrupts do not nest on one CPU, so a word per CPU and
//! vector remembers when one began. It is zero when none runs: what was running when the programs came is not measured. For
//! the same reason, and because they are asked for with interrupts off, nothing interrupts a program of soft interrupts
//! that adds to the same numbers.
#![no_std]
#![no_main]

use aya_ebpf::{helpers::bpf_ktime_get_ns, macros::btf_tracepoint, programs::BtfTracePointContext};
use exporter_common::interrupts::{InterruptsFields, SOFTIRQS, memory, note, program, series};
use exporter_ebpf::{frozen, rows::Cpu};

exporter_ebpf::rows!();

/// Set by user space before the object is loaded.
#[unsafe(no_mangle)]
static FIELDS: InterruptsFields = InterruptsFields { per_cpu: 0 };

/// `irq_handler_entry`: a handler of a hard interrupt begins.
#[btf_tracepoint(function = "irq_handler_entry")]
fn irq_handler_entry(_: BtfTracePointContext) -> i32 {
    // SAFETY: a map's value.
    rows().timed_alone(program::HARD_ENTRY, |cpu, now| unsafe { *cpu.memory(memory::HARD) = now })
}

/// `irq_handler_exit`: it ends.
#[btf_tracepoint(function = "irq_handler_exit")]
fn irq_handler_exit(ctx: BtfTracePointContext) -> i32 {
    rows().timed_alone(program::HARD_EXIT, |cpu, now| {
        if let Some(duration) = end(cpu, memory::HARD, now) {
            cpu.observe(series::HARD, ctx.arg(0), 0, duration);
            count_per_cpu(cpu, 0, duration);
        }
    })
}

/// `softirq_raise`: a soft interrupt is asked for, on this CPU.
#[btf_tracepoint(function = "softirq_raise")]
fn softirq_raise(ctx: BtfTracePointContext) -> i32 {
    rows().measured_alone(program::SOFT_RAISE, |cpu| {
        let Some(vector) = vector(&ctx) else { return };
        let raised = cpu.memory(memory::RAISED + vector);
        // SAFETY: a map's value. One that is asked for again waits since the first time.
        unsafe {
            if *raised == 0 {
                *raised = bpf_ktime_get_ns();
            }
        }
    })
}

/// `softirq_entry`: a soft interrupt begins.
#[btf_tracepoint(function = "softirq_entry")]
fn softirq_entry(ctx: BtfTracePointContext) -> i32 {
    rows().timed_alone(program::SOFT_ENTRY, |cpu, now| {
        let Some(vector) = vector(&ctx) else { return };
        // SAFETY: maps' values.
        let raised = unsafe {
            *cpu.memory(memory::SOFT + vector) = now;
            core::mem::take(&mut *cpu.memory(memory::RAISED + vector))
        };
        if raised == 0 {
            cpu.note(note::RAISE_MISSED);
        } else {
            cpu.observe_fixed_alone(SOFTIRQS + vector, now.saturating_sub(raised));
        }
    })
}

/// `softirq_exit`: it ends.
#[btf_tracepoint(function = "softirq_exit")]
fn softirq_exit(ctx: BtfTracePointContext) -> i32 {
    rows().timed_alone(program::SOFT_EXIT, |cpu, now| {
        let Some(vector) = vector(&ctx) else { return };
        if let Some(duration) = end(cpu, memory::SOFT + vector, now) {
            cpu.observe_fixed_alone(vector, duration);
            count_per_cpu(cpu, 1, duration);
        }
    })
}

/// The vector that a tracepoint of soft interrupts is about.
#[inline(always)]
fn vector(ctx: &BtfTracePointContext) -> Option<u32> {
    let vector: u32 = ctx.arg(0);
    (vector < SOFTIRQS).then_some(vector)
}

/// Time since the beginning, which is forgotten.
#[inline(always)]
fn end(cpu: Cpu, word: u32, now: u64) -> Option<u64> {
    // SAFETY: a map's value.
    let begun = unsafe { core::mem::take(&mut *cpu.memory(word)) };
    if begun == 0 {
        cpu.note(note::START_MISSED);
        return None;
    }
    Some(now.saturating_sub(begun))
}

#[inline(always)]
fn count_per_cpu(cpu: Cpu, soft: u32, duration: u64) {
    if frozen!(FIELDS.per_cpu) == 1 {
        cpu.count(series::PER_CPU, cpu.number() * 2 + soft, 0, duration);
    }
}
