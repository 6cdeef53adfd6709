//! Metrics of the `filesystem` collector.

use crate::{
    catalogue::{Key, Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static DURATION: Metric = Metric {
    name: "kernel.filesystem.operation.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time that operations of file systems took, also those that failed, and those that found everything in memory: \
           reads and writes of files, opens with the walk along the path, fsyncs, listings of directories, and unlinks \
           without that walk. What one file system does by another (an overlay, a synchronous write) is part of the \
           operation that was asked for",
    identity: &[&keys::CGROUP],
    attributes: ATTRIBUTES,
    source: SOURCE,
};

/// See its help.
pub static OPERATIONS: Metric = Metric {
    name: "kernel.filesystem.operations",
    kind: Kind::Counter,
    unit: Unit::Things("operation"),
    help: "Operations of file systems, also those that failed. Only with `detail: counters`, else the histograms count them",
    identity: &[&keys::CGROUP],
    attributes: ATTRIBUTES,
    source: SOURCE,
};

/// See its help.
pub static ERRORS: Metric = Metric {
    name: "kernel.filesystem.errors",
    kind: Kind::Counter,
    unit: Unit::Things("operation"),
    help: "Operations of file systems that failed. Those of `open` belong to the file system that the walk along the path had \
           come to",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::FILESYSTEM_OPERATION, &keys::FILESYSTEM_TYPE, &keys::MOUNTPOINT, &keys::ERROR_TYPE],
    source: SOURCE,
};

const ATTRIBUTES: &[&Key] = &[&keys::FILESYSTEM_OPERATION, &keys::FILESYSTEM_TYPE, &keys::MOUNTPOINT];

const SOURCE: &str = "functions vfs_read, vfs_readv, vfs_write, vfs_writev (fs/read_write.c), do_splice_read or \
                      do_splice_to, iter_file_splice_write (fs/splice.c), path_openat, vfs_unlink (fs/namei.c), \
                      vfs_fsync_range, do_fsync or the system calls fsync and fdatasync (fs/sync.c), iterate_dir \
                      (fs/readdir.c)";

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "filesystem",
    about: "How long operations of file systems take, and how they fail, by the file system's type. Only files and \
            directories count: pipes, sockets, terminals and devices wait for others. What io_uring and AIO read and write, \
            and what is read and written through memory that a file is mapped to, is not seen.",
    metrics: &[&DURATION, &OPERATIONS, &ERRORS],
};
