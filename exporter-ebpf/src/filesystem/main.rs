//! Hook family `filesystem`, for the collector of that name: programs at the entry and the return of the functions through
//! which files are used, whatever file system they are on.
//!
//! All run in the context of the task that uses the file. One operation can call others: overlayfs passes them on to the
//! file system below, a write to a file that was opened with `O_SYNC` ends with an fsync. The outermost one counts.
#![no_std]
#![no_main]

mod places;

use aya_ebpf::{
    EbpfContext as _,
    helpers::bpf_ktime_get_ns,
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};
use exporter_common::filesystem::{
    FilesystemFields, OPERATION_BITS, PLACE_BITS, note, operation, place, program, series,
};
use exporter_ebpf::{
    frozen,
    kernel::Struct,
    rows::{Cpu, current_cgroup},
};

exporter_ebpf::rows!();
exporter_ebpf::per_task!(::exporter_common::filesystem::Begun);

/// Set by user space before the object is loaded.
#[unsafe(no_mangle)]
static FIELDS: FilesystemFields = FilesystemFields {
    file_inode: 0,
    inode_mode: 0,
    inode_sb: 0,
    dentry_sb: 0,
    sb_flags: 0,
    sb_type: 0,
    sb_dev: 0,
    type_name: 0,
    type_flags: 0,
    mounts: 0,
};

/// Programs at the entry of a function.
macro_rules! beginnings {
    ($($program:ident: $number:ident,)*) => {$(
        #[doc = concat!("The entry of a function; see `", stringify!($number), "`.")]
        #[fentry]
        fn $program(ctx: FEntryContext) -> i32 {
            rows().measured(program::$number, |cpu| begin(cpu, frame(ctx.as_ptr())))
        }
    )*};
}

beginnings! {
    read_begins: READ_BEGINS,
    write_begins: WRITE_BEGINS,
    readv_begins: READV_BEGINS,
    writev_begins: WRITEV_BEGINS,
    open_begins: OPEN_BEGINS,
    fsync_begins: FSYNC_BEGINS,
    fsync_range_begins: FSYNC_RANGE_BEGINS,
    readdir_begins: READDIR_BEGINS,
    unlink_begins: UNLINK_BEGINS,
}

/// Programs at the return of a function whose first argument is a file, and which has so many arguments and a result of
/// this type.
macro_rules! ends {
    ($($program:ident: $number:ident, $operation:ident, $arguments:literal, $result:ty,)*) => {$(
        #[doc = concat!("The return of a function; see `", stringify!($number), "`.")]
        #[fexit]
        fn $program(ctx: FExitContext) -> i32 {
            rows().measured(program::$number, |cpu| {
                let Some(time) = end(cpu, frame(ctx.as_ptr())) else { return };
                let Some(place) = places::of_file(cpu, Struct::new(ctx.arg(0))) else { return };
                tell(cpu, operation::$operation, place, time, i64::from(ctx.arg::<u64>($arguments) as $result));
            })
        }
    )*};
}

ends! {
    read_ends: READ_ENDS, READ, 4, i64,
    write_ends: WRITE_ENDS, WRITE, 4, i64,
    readv_ends: READV_ENDS, READ, 5, i64,
    writev_ends: WRITEV_ENDS, WRITE, 5, i64,
    fsync_ends: FSYNC_ENDS, FSYNC, 2, i32,
    fsync_range_ends: FSYNC_RANGE_ENDS, FSYNC, 4, i32,
    readdir_ends: READDIR_ENDS, READDIR, 2, i32,
}

/// A file was opened, or not: the result is an address or an error.
#[fexit]
fn open_ends(ctx: FExitContext) -> i32 {
    rows().measured(program::OPEN_ENDS, |cpu| {
        let Some(time) = end(cpu, frame(ctx.as_ptr())) else { return };
        let file = Struct::new(ctx.arg(3));
        let error = file.error();
        if error != 0 {
            return tell(cpu, operation::OPEN, place::UNKNOWN, time, -i64::from(error));
        }
        if let Some(place) = places::of_file(cpu, file) {
            tell(cpu, operation::OPEN, place, time, 0);
        }
    })
}

/// A name was removed, or not: `vfs_unlink` with the arguments that it has had since Linux 5.12.
#[fexit]
fn unlink_ends(ctx: FExitContext) -> i32 {
    rows().measured(program::UNLINK_ENDS, |cpu| {
        unlinked(cpu, frame(ctx.as_ptr()), Struct::new(ctx.arg(2)), ctx.arg::<u64>(4) as i32);
    })
}

/// The same with those that it had before.
#[fexit]
fn unlink_ends_without_idmap(ctx: FExitContext) -> i32 {
    rows().measured(program::UNLINK_ENDS, |cpu| {
        unlinked(cpu, frame(ctx.as_ptr()), Struct::new(ctx.arg(1)), ctx.arg::<u64>(3) as i32);
    })
}

#[inline(always)]
fn unlinked(cpu: Cpu, frame: u32, dentry: Struct, result: i32) {
    let Some(time) = end(cpu, frame) else { return };
    if let Some(place) = places::of_dentry(cpu, dentry) {
        tell(cpu, operation::UNLINK, place, time, i64::from(result));
    }
}

/// Where on the current task's stack a function was called: its arguments lie there, the same at entry and return.
#[inline(always)]
fn frame(arguments: *mut core::ffi::c_void) -> u32 {
    Struct::new(arguments.cast()).address_bits()
}

/// An operation begins, unless the task is in one that goes on.
#[inline(always)]
fn begin(cpu: Cpu, frame: u32) {
    let Some(begun) = tasks::begin() else { return cpu.note(note::TASK_ENTRY_MISSING) };
    // SAFETY: a map's value; a helper without arguments.
    unsafe {
        // One that was not called from within the other finds it over: its end was not seen.
        if (*begun).since != 0 && frame < (*begun).frame {
            return;
        }
        (*begun).frame = frame;
        (*begun).since = bpf_ktime_get_ns();
    }
}

/// How long the operation took that ends, if it is the outermost one.
#[inline(always)]
fn end(cpu: Cpu, frame: u32) -> Option<u64> {
    let Some(found) = tasks::find() else {
        cpu.note(note::START_MISSED);
        return None;
    };
    let begun = found.entry;
    // SAFETY: a map's value; a helper without arguments.
    unsafe {
        let since = (*begun).since;
        if since == 0 {
            cpu.note(note::START_MISSED);
        }
        if since == 0 || frame != (*begun).frame {
            return None;
        }
        (*begun).since = 0;
        found.forget();
        Some(bpf_ktime_get_ns().saturating_sub(since))
    }
}

/// Results between this one's negative and zero are errors (`MAX_ERRNO`, include/linux/err.h).
const MOST_ERRORS: i64 = 4095;

/// Counts an operation.
#[inline(always)]
fn tell(cpu: Cpu, operation: u32, place: u32, time: u64, result: i64) {
    let attribute = operation << PLACE_BITS | place;
    let cgroup = current_cgroup();
    cpu.observe(series::DURATION, attribute, cgroup, time);
    if (-MOST_ERRORS..0).contains(&result) {
        let error = (result.unsigned_abs() as u32) << (PLACE_BITS + OPERATION_BITS);
        cpu.count(series::ERRORS, error | attribute, cgroup, 1);
    }
}
