//! What is attached.

use exporter_common::filesystem::program;

use crate::{
    hooks::rows::{Hook, Program},
    kernel::btf::Btf,
};

/// Two programs on a function: their names, the number of the first, the function, and what is not told without them.
type Pair = (&'static str, &'static str, u32, &'static str, Option<&'static str>);

/// The functions of system calls.
const SYS_FSYNC: &str = if cfg!(target_arch = "aarch64") { "__arm64_sys_fsync" } else { "__x64_sys_fsync" };
const SYS_FDATASYNC: &str =
    if cfg!(target_arch = "aarch64") { "__arm64_sys_fdatasync" } else { "__x64_sys_fdatasync" };

/// The programs that this kernel needs. Those on returns come first, so that no beginning is remembered whose end is not seen.
pub(super) fn of(btf: &Btf) -> Vec<Program> {
    let pairs = pairs(btf);
    let ends = pairs.iter().map(|(_, name, number, function, loses)| Program {
        name,
        number: number + 1,
        hook: Hook::Exit(function),
        loses: *loses,
    });
    let begins = pairs.iter().map(|(name, _, number, function, loses)| Program {
        name,
        number: *number,
        hook: Hook::Entry(function),
        loses: *loses,
    });
    ends.chain(begins).collect()
}

fn pairs(btf: &Btf) -> Vec<Pair> {
    let vectors = Some("reads and writes of several pieces at once (readv, writev)");
    let splices = Some("what splice, sendfile and copy_file_range read and write");
    let (opens, fsyncs, lists, unlinks) =
        (Some("opens"), Some("fsyncs"), Some("listing of directories"), Some("unlinks"));
    let splice_read =
        if btf.function("do_splice_read").is_some() { "do_splice_read" } else { "do_splice_to" };
    let unlink_end = if fits_unlink_of_two(btf) { "unlink_end_of_two" } else { "unlink_end" };
    let mut pairs: Vec<Pair> = vec![
        // A kernel that lets nobody at these lets nobody at the others.
        ("read_begin", "read_end", program::READ, "vfs_read", None),
        ("write_begin", "write_end", program::WRITE, "vfs_write", None),
        ("readv_begin", "readv_end", program::READV, "vfs_readv", vectors),
        ("writev_begin", "writev_end", program::WRITEV, "vfs_writev", vectors),
        ("splice_read_begin", "splice_read_end", program::SPLICE_READ, splice_read, splices),
        ("splice_write_begin", "splice_write_end", program::SPLICE_WRITE, "iter_file_splice_write", splices),
        ("open_begin", "open_end", program::OPEN, "path_openat", opens),
        ("fsync_begin", "fsync_end", program::FSYNC, "vfs_fsync_range", fsyncs),
        ("readdir_begin", "readdir_end", program::READDIR, "iterate_dir", lists),
        ("unlink_begin", unlink_end, program::UNLINK, "vfs_unlink", unlinks),
    ];
    // Whether these call the function above, or it is a part of them, is for the compiler to say.
    let of_number = program::FSYNC_OF_NUMBER;
    if btf.function("do_fsync").is_some() {
        pairs.push(("fsync_of_number_begin", "fsync_of_number_end", of_number, "do_fsync", fsyncs));
    } else {
        pairs.push(("fsync_of_call_begin", "fsync_of_call_end", of_number, SYS_FSYNC, fsyncs));
        pairs.push(("fdatasync_begin", "fdatasync_end", program::FDATASYNC, SYS_FDATASYNC, fsyncs));
    }
    pairs
}

/// Whether the first argument of `vfs_unlink` is the directory.
fn fits_unlink_of_two(btf: &Btf) -> bool {
    btf.function("vfs_unlink").is_some_and(|arguments| arguments.first().is_some_and(|name| name == "inode*"))
}
