//! Where they were.

use super::{COUNT, ERRORS, exporter, setting::*};
use crate::{accuracy::within, harness::*};

/// Reads a page of a new file of this file system, and looks for one that is not there.
fn read(mounted: &Mounted, times: u64) {
    let cgroup = Cgroup::make("mounts");
    let folder = mounted.folder.clone();
    let mut worker = Worker::spawn(
        "reads",
        &cgroup,
        || {},
        move |_| {
            let fd = open(&folder.join("file"), libc::O_RDWR | libc::O_CREAT);
            for _ in 0..times {
                assert_eq!(pread(fd, &mut [0], 0), 0);
                assert_eq!(try_open(&folder.join("nothing"), libc::O_RDONLY), -1);
            }
        },
    );
    worker.work();
}

#[test]
fn mounts_are_told_apart() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: none, mounts: true") else { return };
    // A hostile name, as /proc/1/mountinfo escapes it and as it is shown.
    let mounts = [Mounted::tmpfs("a \"b\" \\ c", 1 << 20), Mounted::tmpfs("other", 1 << 20)];
    exporter.scrape(); // by which it learns of them
    let (between, ()) = exporter.during(|| {
        read(&mounts[0], 70);
        read(&mounts[1], 90);
    });
    for (mounted, truth) in mounts.iter().zip([70, 90]) {
        let point = mounted.folder.to_str().expect("UTF-8");
        let labels = [
            ("system_filesystem_mountpoint", point),
            ("system_filesystem_type", "tmpfs"),
            ("filesystem_operation", "read"),
        ];
        within(
            &format!("{COUNT}{{read}} by mount"),
            "the calls",
            between.count(COUNT, &labels),
            truth..=truth,
        );
        let labels = [("system_filesystem_mountpoint", point), ("error_type", "ENOENT")];
        let errors = between.count(ERRORS, &labels);
        within(&format!("{ERRORS}{{ENOENT}} by mount"), "the calls that failed", errors, truth..=truth);
    }

    // The next one may get the same device number, and is elsewhere.
    let [first, second] = mounts;
    drop(second);
    let third = Mounted::tmpfs("third", 1 << 20);
    for _ in 0..2 {
        exporter.scrape();
    }
    let (between, ()) = exporter.during(|| {
        read(&first, 10);
        read(&third, 20);
    });
    for (mounted, truth) in [(&first, 10), (&third, 20)] {
        let point = mounted.folder.to_str().expect("UTF-8");
        let labels = [("system_filesystem_mountpoint", point), ("filesystem_operation", "read")];
        let metric = format!("{COUNT}{{read}} by mounts that come and go");
        within(&metric, "the calls", between.count(COUNT, &labels), truth..=truth);
    }
}
