//! Hook family `filesystem`, for the collector of that name.
//!
//! The programs hang on the functions through which all file systems are reached, on their entries and on their returns, in
//! the context of the task that asks. [`span`] says what is measured, [`place`] where it belongs.
#![no_std]
#![no_main]

mod fields;
mod place;
mod span;

use core::convert::identity;

use aya_ebpf::{
    helpers::{bpf_ktime_get_ns, generated::bpf_get_current_task},
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};
use exporter_common::filesystem::{ERROR_BITS, operation, program, series};
use exporter_ebpf::{
    kernel::{Address, Pointer, Struct},
    rows::{Cpu, current_cgroup, durations},
};

use crate::fields::field;

exporter_ebpf::rows!();
exporter_ebpf::per_task!(::exporter_common::filesystem::Caller);

/// The programs on a function's entry and on its return: how it begins, which of its arguments is the file, and behind how many
/// of them its result is.
macro_rules! of_file {
    ($(#[$doc:meta])* $begin:ident by $how:ident, $end:ident: $number:expr, $operation:expr, file: $file:literal, result: $result:literal as $type:ty) => {
        $(#[$doc])*
        #[fentry]
        fn $begin(ctx: FEntryContext) -> i32 {
            rows().measured($number, |cpu| {
                if place::holds_data(inode_of(ctx.arg($file))) {
                    span::$how(cpu, span::frame(&ctx));
                }
            })
        }

        of_file!(end $end: $number, $operation, file: $file, result: $result as $type);
    };
    (end $end:ident: $number:expr, $operation:expr, file: $file:literal, result: $result:literal as $type:ty) => {
        /// Its return.
        #[fexit]
        fn $end(ctx: FExitContext) -> i32 {
            rows().measured($number + 1, |cpu| {
                let inode = inode_of(ctx.arg($file));
                if place::holds_data(inode) {
                    returned(cpu, span::frame(&ctx), $operation, inode, ctx.arg::<$type>($result).into());
                }
            })
        }
    };
}

of_file!(
    /// `vfs_read`: read, pread64.
    read_begin by begin, read_end: program::READ, operation::READ, file: 0, result: 4 as i64);
of_file!(
    /// `vfs_readv`: readv, preadv, preadv2.
    readv_begin by begin, readv_end: program::READV, operation::READ, file: 0, result: 5 as i64);
of_file!(
    /// `do_splice_read`, or `do_splice_to` before Linux 6.8 or so: what splice, sendfile and copy_file_range read, piece by piece.
    splice_read_begin by begin_unless_within, splice_read_end: program::SPLICE_READ, operation::READ, file: 0, result: 5 as i64);
of_file!(
    /// `vfs_write`: write, pwrite64.
    write_begin by begin, write_end: program::WRITE, operation::WRITE, file: 0, result: 4 as i64);
of_file!(
    /// `vfs_writev`: writev, pwritev, pwritev2.
    writev_begin by begin, writev_end: program::WRITEV, operation::WRITE, file: 0, result: 5 as i64);
of_file!(
    /// `vfs_fsync_range`: fsync, fdatasync, msync.
    fsync_begin by begin_unless_within, fsync_end: program::FSYNC, operation::FSYNC, file: 0, result: 4 as i32);
of_file!(
    /// `iterate_dir`: getdents64.
    readdir_begin by begin_unless_within, readdir_end: program::READDIR, operation::READDIR, file: 0, result: 2 as i32);

/// `iter_file_splice_write`: what splice, sendfile and copy_file_range write. It waits for the other end of the pipe while
/// there is nothing in it.
#[fentry]
fn splice_write_begin(ctx: FEntryContext) -> i32 {
    rows().measured(program::SPLICE_WRITE, |cpu| {
        if !place::holds_data(inode_of(ctx.arg(1))) {
            return;
        }
        let pipe = Struct::new(ctx.arg(0));
        let (head, tail): (u32, u32) = (pipe.read(field!(pipe_head)), pipe.read(field!(pipe_tail)));
        let frame = span::frame(&ctx);
        if head == tail { span::pass(cpu, frame) } else { span::begin_unless_within(cpu, frame) }
    })
}

of_file!(end splice_write_end: program::SPLICE_WRITE, operation::WRITE, file: 1, result: 5 as i64);

/// `path_openat`: a path is walked, and what is at its end opened.
#[fentry]
fn open_begin(ctx: FEntryContext) -> i32 {
    rows().measured(program::OPEN, |cpu| span::begin_unless_within(cpu, span::frame(&ctx)))
}

/// Its return.
#[fexit]
fn open_end(ctx: FExitContext) -> i32 {
    /// The path could not be walked without locks, and is going to be walked again.
    const ECHILD: u32 = 10;
    rows().measured(program::OPEN + 1, |cpu| {
        let (frame, file) = (span::frame(&ctx), Struct::new(ctx.arg(3)));
        match file.error() {
            None => opened(cpu, frame, file.follow(field!(file_inode)), 0),
            Some(ECHILD) => span::cancel(cpu, frame),
            // Where the walk had come to: the directory as a rule. It is not held any more, so it may be something else
            // by now, whose type is unknown at worst.
            Some(error) => {
                let inode = Struct::new(ctx.arg(0)).follow(field!(walk_inode));
                opened(cpu, frame, inode, -i64::from(error));
            }
        }
    })
}

#[inline(always)]
fn opened(cpu: Cpu, frame: u32, inode: Struct, result: i64) {
    if place::holds_data(inode) {
        returned(cpu, frame, operation::OPEN, inode, result);
    } else {
        span::cancel(cpu, frame);
    }
}

/// The same for a function that has the number of an open file: where the compiler has made what it calls a part of it.
macro_rules! of_number {
    ($(#[$doc:meta])* $begin:ident, $end:ident: $number:expr, $file:expr, result: $result:literal as $type:ty) => {
        $(#[$doc])*
        #[fentry]
        fn $begin(ctx: FEntryContext) -> i32 {
            rows().measured($number, |cpu| {
                if place::holds_data(inode_of_number($file(ctx.arg(0)))) {
                    span::begin(cpu, span::frame(&ctx));
                }
            })
        }

        /// Its return.
        #[fexit]
        fn $end(ctx: FExitContext) -> i32 {
            rows().measured($number + 1, |cpu| {
                let inode = inode_of_number($file(ctx.arg(0)));
                if place::holds_data(inode) {
                    let result = ctx.arg::<$type>($result).into();
                    returned(cpu, span::frame(&ctx), operation::FSYNC, inode, result);
                }
            })
        }
    };
}

of_number!(
    /// `do_fsync`: fsync and fdatasync, from Linux 6.2 or so on.
    fsync_of_number_begin, fsync_of_number_end: program::FSYNC_OF_NUMBER, identity::<u32>, result: 2 as i32);
of_number!(
    /// `__x64_sys_fsync`, `__arm64_sys_fsync`: before that.
    fsync_of_call_begin, fsync_of_call_end: program::FSYNC_OF_NUMBER, argument, result: 1 as i64);
of_number!(
    /// `__x64_sys_fdatasync`, `__arm64_sys_fdatasync`: the same.
    fdatasync_begin, fdatasync_end: program::FDATASYNC, argument, result: 1 as i64);

/// The first argument of the system call with these registers.
#[inline(always)]
fn argument(registers: *const u8) -> u32 {
    Struct::new(registers).read(field!(regs_argument))
}

/// `vfs_unlink`: a name is removed that was looked up.
#[fentry]
fn unlink_begin(ctx: FEntryContext) -> i32 {
    rows().measured(program::UNLINK, |cpu| span::begin_unless_within(cpu, span::frame(&ctx)))
}

/// Its return.
#[fexit]
fn unlink_end(ctx: FExitContext) -> i32 {
    rows().measured(program::UNLINK + 1, |cpu| {
        let directory = Struct::new(ctx.arg(1));
        returned(cpu, span::frame(&ctx), operation::UNLINK, directory, ctx.arg::<i32>(4).into());
    })
}

/// The same before Linux 5.12, where its first argument is the directory.
#[fexit]
fn unlink_end_of_two(ctx: FExitContext) -> i32 {
    rows().measured(program::UNLINK + 1, |cpu| {
        let directory = Struct::new(ctx.arg(0));
        returned(cpu, span::frame(&ctx), operation::UNLINK, directory, ctx.arg::<i32>(3).into());
    })
}

/// A call returns, about this inode and with this result.
#[inline(always)]
fn returned<P: Pointer>(cpu: Cpu, frame: u32, operation: u32, inode: P, result: i64) {
    /// Results between this one's negative and zero are errors (`MAX_ERRNO`, include/linux/err.h).
    const MOST_ERRORS: i64 = 4095;
    // SAFETY: a helper without arguments.
    let now = if durations() { unsafe { bpf_ktime_get_ns() } } else { 0 };
    let Some(ended) = span::end(cpu, frame) else { return };
    if let Some(place) = place::of(inode) {
        let cgroup = current_cgroup();
        if durations() {
            let time = now.saturating_sub(ended.since);
            // SAFETY: the row is remembered until it is forgotten.
            unsafe {
                let row = ended.row(operation + place);
                cpu.observe_remembered(series::DURATION + operation, place, cgroup, time, row);
            }
        } else {
            cpu.count(series::COUNT + operation, place, cgroup, 1);
        }
        if (-MOST_ERRORS..0).contains(&result) {
            let error = result.unsigned_abs() as u32;
            cpu.count(series::ERRORS + operation, place << ERROR_BITS | error, cgroup, 1);
        }
    }
    ended.forget();
}

#[inline(always)]
fn inode_of(file: *const u8) -> Struct {
    Struct::new(file).follow(field!(file_inode))
}

/// The inode of one of the current task's open files. Of its table the verifier knows nothing.
#[inline(always)]
fn inode_of_number(number: u32) -> Address {
    // SAFETY: a helper without arguments.
    let task = Address(unsafe { bpf_get_current_task() });
    let files = task.follow(field!(task_files)).follow(field!(files_table)).follow(field!(table_files));
    let size = size_of::<u64>() as u64;
    Address(files.0.wrapping_add(u64::from(number).wrapping_mul(size))).follow(0).follow(field!(file_inode))
}
