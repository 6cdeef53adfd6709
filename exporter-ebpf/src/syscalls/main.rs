//! Hook family `syscalls`, for the collector of that name.
//!
//! Both programs run in the context of the task that makes the call, one after the other. When durations are measured,
//! the start of a call is remembered of the task, which may move to another CPU; else only starts are counted, and the
//! program on ends is not attached.
#![no_std]
#![no_main]

use aya_ebpf::{
    helpers::{
        bpf_ktime_get_ns,
        generated::{bpf_get_current_task, bpf_get_current_task_btf},
    },
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use exporter_common::{
    ABSENT,
    syscalls::{CLASS_BITS, NUMBERS, ROWS, SyscallsFields, TABLE, about, note, place, program, series},
};
use exporter_ebpf::{
    cgroup, frozen,
    kernel::{Address, Pointer as _, Struct, of_any_size},
    per_task::Mark,
    rows::{Cpu, current_cgroup, durations, keeps_cgroup},
};

exporter_ebpf::rows!();
exporter_ebpf::per_task!(::exporter_common::syscalls::Caller);

/// Set by user space before the object is loaded.
#[unsafe(no_mangle)]
static FIELDS: SyscallsFields = SyscallsFields {
    regs_number: 0,
    task_compat: 0,
    compat: 0,
    regs_native_one: 0,
    regs_native_other: 0,
    some_left_out: 0,
    about: [0; TABLE],
    classes: [0; TABLE],
};

/// `sys_enter`: a system call begins. One that seccomp or a tracer has turned down does not.
#[btf_tracepoint(function = "sys_enter")]
fn sys_enter(ctx: BtfTracePointContext) -> i32 {
    rows().measured_alone(program::ENTER, |cpu| {
        let number: u64 = ctx.arg(1);
        let registers = Struct::new(ctx.arg(0));
        let place = place_of(number, registers);
        let known = about(place);
        if known == 0 {
            return;
        }
        if !durations() || known & about::NEVER_RETURNS != 0 {
            return count(cpu, place, known);
        }
        match tasks::begin(Mark::of_saved(registers)) {
            // SAFETY: the caller is a map's value; a helper without arguments.
            Some(caller) => unsafe {
                (*caller).number = number as u32;
                (*caller).place = place;
                (*caller).about = known;
                (*caller).since = bpf_ktime_get_ns();
            },
            None => cpu.note(note::TASK_ENTRY_MISSING),
        }
    })
}

/// `sys_exit`: a system call ends.
#[btf_tracepoint(function = "sys_exit")]
fn sys_exit(ctx: BtfTracePointContext) -> i32 {
    rows().measured_alone(program::EXIT, |cpu| {
        let registers = Struct::new(ctx.arg(0));
        let number: u64 = registers.read(frozen!(FIELDS.regs_number));
        // Whosever number it is: when something is left out, all other architectures' calls are.
        let some_left_out = frozen!(FIELDS.some_left_out) == 1;
        if some_left_out && number < u64::from(NUMBERS) && about(number as u32) == 0 {
            return;
        }
        let result = ctx.arg::<u64>(1).cast_signed();
        let place = match measured(cpu, registers, number as u32) {
            Some(place) => place,
            None => match without_start(cpu, number, registers, result) {
                Some(place) => place,
                None => return,
            },
        };
        if (-MOST_ERRORS..0).contains(&result) {
            let class = class(result.unsigned_abs());
            cpu.count(series::ERRORS, place << CLASS_BITS | class, current_cgroup(), 1);
        }
    })
}

/// Results between this one's negative and zero are errors (`MAX_ERRNO`, include/linux/err.h).
const MOST_ERRORS: i64 = 4095;

/// Measures the call that the current task is in, and from now on no more, if it is the one with this number: its place.
#[inline(always)]
fn measured(cpu: Cpu, registers: Struct, number: u32) -> Option<u32> {
    let found = tasks::find(Mark::of_saved(registers))?;
    let caller = found.entry;
    // SAFETY: the caller is a map's value; a helper without arguments.
    unsafe {
        let since = core::mem::take(&mut (*caller).since);
        if since == 0 || (*caller).number != number {
            found.forget();
            return None;
        }
        let (place, known) = ((*caller).place, (*caller).about);
        let time = bpf_ktime_get_ns().saturating_sub(since);
        if keeps_cgroup() {
            let series = if known & about::WAITS != 0 { series::WAIT } else { series::DURATION };
            let hint = (&raw mut (*caller).rows).cast::<u32>().add(place as usize & (ROWS - 1));
            cpu.observe_remembered(series, place, current_cgroup(), time, hint);
        } else {
            cpu.observe_fixed_alone((known & about::ROW).wrapping_sub(1), time);
        }
        found.forget();
        Some(place)
    }
}

/// What is to be said of a call whose start was not seen: its place, if its calls are to be counted.
#[inline(always)]
fn without_start(cpu: Cpu, number: u64, registers: Struct, result: i64) -> Option<u32> {
    if number as u32 == u32::MAX {
        return None; // the return of a signal handler, whose registers are no results
    }
    let place = place_of(number, registers);
    let known = about(place);
    let is_new_task = known & about::MAKES_TASK != 0 && result == 0;
    if known == 0 || is_new_task {
        return None;
    }
    // One that fails may have been turned down before it began.
    if result >= 0 {
        cpu.note(note::START_MISSED);
    }
    Some(place)
}

/// Where a call of the current task belongs that it makes by this number.
#[inline(always)]
fn place_of(number: u64, registers: Struct) -> u32 {
    if is_foreign(registers) {
        place::COMPAT
    } else if number < u64::from(NUMBERS) {
        number as u32
    } else {
        place::UNKNOWN
    }
}

/// Whether the current task's call is another architecture's.
#[inline(always)]
fn is_foreign(registers: Struct) -> bool {
    if frozen!(FIELDS.task_compat) == ABSENT {
        return false;
    }
    if frozen!(FIELDS.regs_native_one) != ABSENT {
        let one: u64 = registers.read(frozen!(FIELDS.regs_native_one));
        let other: u64 = registers.read(frozen!(FIELDS.regs_native_other));
        if one == other {
            return false;
        }
    }
    compat_word() & frozen!(FIELDS.compat) != 0
}

/// The word of the current task that says whether the call is another architecture's.
#[inline(always)]
fn compat_word() -> u32 {
    // SAFETY: helpers without arguments.
    unsafe {
        if cgroup::current_task_is_typed() {
            Struct::new(bpf_get_current_task_btf().cast()).read(frozen!(FIELDS.task_compat))
        } else {
            Address(bpf_get_current_task()).read(frozen!(FIELDS.task_compat))
        }
    }
}

/// What is known about a place.
#[inline(always)]
fn about(place: u32) -> u32 {
    // SAFETY: the index is in range; frozen, so read as it is and not as the compiler sees it.
    u32::from(unsafe {
        (&raw const FIELDS.about).cast::<u16>().add(of_any_size(place) as usize & (TABLE - 1)).read_volatile()
    })
}

/// The class of an error.
#[inline(always)]
fn class(error: u64) -> u32 {
    if error >= TABLE as u64 {
        return 0;
    }
    // SAFETY: as in `about`.
    u32::from(unsafe {
        (&raw const FIELDS.classes).cast::<u8>().add(error as usize & (TABLE - 1)).read_volatile()
    })
}

/// Counts a call that has no duration.
#[inline(always)]
fn count(cpu: Cpu, place: u32, known: u32) {
    if durations() || keeps_cgroup() {
        cpu.count(series::CALLS, place, current_cgroup(), 1);
    } else {
        cpu.count_fixed((known & about::ROW) - 1, 1);
    }
}
