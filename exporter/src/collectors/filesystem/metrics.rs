//! Metrics of the `filesystem` collector.

use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static DURATION: Metric = Metric {
    name: "kernel.filesystem.operation.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time that operations on regular files and folders took, from the cache or not, also those that failed. Of those \
           that call each other (overlayfs and the file system below it, an fsync that ends a synchronous write), the \
           outermost one counts. Opening includes looking up the path. With `mounts: true` file systems on devices have \
           the labels `device` and `mountpoint`",
    identity: &[&keys::CGROUP],
    attributes: ATTRIBUTES,
    source: SOURCE,
};

/// See its help.
pub static ERRORS: Metric = Metric {
    name: "kernel.filesystem.operation.errors",
    kind: Kind::Counter,
    unit: Unit::Things("operation"),
    help: "Operations on regular files and folders that failed, by the name of the error (`ENOSPC`)",
    identity: &[&keys::CGROUP],
    attributes: &[
        &keys::FILESYSTEM_TYPE,
        &keys::FILE_OPERATION,
        &keys::DEVICE,
        &keys::MOUNTPOINT,
        &keys::ERROR_TYPE,
    ],
    source: SOURCE,
};

const ATTRIBUTES: &[&crate::catalogue::Key] =
    &[&keys::FILESYSTEM_TYPE, &keys::FILE_OPERATION, &keys::DEVICE, &keys::MOUNTPOINT];

const SOURCE: &str = "functions vfs_read, vfs_write, vfs_readv, vfs_writev, do_filp_open (do_file_open), vfs_fsync, \
                      vfs_fsync_range, iterate_dir, vfs_unlink (fs/)";

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "filesystem",
    about: "How long operations on files took, by the type of their file system, and how they failed. Pipes, sockets, \
            devices and what nobody can mount are left out; proc, sysfs and cgroups are not. Reads and writes by io_uring, \
            Linux AIO, sendfile, splice and mappings do not come through the functions that are watched.",
    metrics: &[&DURATION, &ERRORS],
};
