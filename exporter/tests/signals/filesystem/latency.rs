//! How long they took.

use std::time::Instant;

use super::{COUNT, DURATION, SUM, exporter, setting::*};
use crate::{accuracy::within, harness::*};

/// What the disk takes for a request.
const DELAY_NS: u32 = 20_000_000;

const TIMES: usize = 20;

/// Waits for the disk, by the waiter's own clock.
#[test]
fn reads_and_fsyncs_take_as_long_as_the_disk() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: cgroup") else { return };
    let mounted = Mounted::ext4("latency");
    for operation in ["read", "fsync"] {
        let cgroup = Cgroup::make(&format!("latency-{operation}"));
        let path = mounted.folder.join(operation);
        let mut worker = Worker::spawn(
            "waits",
            &cgroup,
            || {},
            move |job| {
                let fd = open(&path, libc::O_RDWR | libc::O_CREAT);
                let mut page = Page::new();
                for number in 0..TIMES {
                    assert_eq!(pwrite(fd, page.bytes(), number * Page::SIZE), Page::SIZE as isize);
                }
                // SAFETY: no preconditions.
                unsafe { libc::sync() };
                let direct = open(&path, libc::O_RDONLY | libc::O_DIRECT);
                set_delay(DELAY_NS);
                for number in 0..TIMES {
                    let at = number * Page::SIZE;
                    if operation == "fsync" {
                        assert_eq!(pwrite(fd, page.bytes(), at), Page::SIZE as isize);
                    }
                    let begin = Instant::now();
                    if operation == "fsync" {
                        // SAFETY: a descriptor that is open.
                        assert_eq!(unsafe { libc::fsync(fd) }, 0);
                    } else {
                        assert_eq!(pread(direct, page.bytes(), at), Page::SIZE as isize);
                    }
                    job.set(number, begin.elapsed().as_nanos() as u64);
                }
                set_delay(0);
            },
        );
        let labels = [
            ("cgroup", &*cgroup.path),
            ("system_filesystem_type", "ext4"),
            ("filesystem_operation", operation),
        ];
        let (between, ()) = exporter.during(|| worker.work());
        let measured = exporter.histogram(DURATION, &labels);
        let truth: Vec<_> = (0..TIMES).map(|number| worker.get(number)).collect();
        let least = u64::from(DELAY_NS) * TIMES as u64;
        let (count, sum) = (between.count(COUNT, &labels), between.nanoseconds(SUM, &labels));
        within(
            &format!("{COUNT}{{{operation}}} of a slow disk"),
            "the calls",
            count,
            TIMES as u64..=TIMES as u64,
        );
        // The clock is read outside of the call.
        let all: u64 = truth.iter().sum();
        within(&format!("{SUM}{{{operation}}}"), "the disk's delay, the caller's clock", sum, least..=all);
        measured.assert_none_longer_than(truth);
    }
}

/// Hits are as short as they are.
#[test]
fn reads_of_what_is_in_memory_take_no_time_of_the_disk() {
    const READS: usize = 2_000;
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: cgroup") else { return };
    let mounted = Mounted::ext4("hits");
    let cgroup = Cgroup::make("hits");
    let path = mounted.folder.join("page");
    let mut worker = Worker::spawn(
        "reads",
        &cgroup,
        || {},
        move |job| {
            let fd = open(&path, libc::O_RDWR | libc::O_CREAT);
            let mut page = Page::new();
            assert_eq!(pwrite(fd, page.bytes(), 0), Page::SIZE as isize);
            let begin = Instant::now();
            for _ in 0..READS {
                assert_eq!(pread(fd, page.bytes(), 0), Page::SIZE as isize);
            }
            job.set(0, begin.elapsed().as_nanos() as u64);
        },
    );
    let labels = [("cgroup", &*cgroup.path), ("filesystem_operation", "read")];
    let (between, ()) = exporter.during(|| worker.work());
    let (count, sum) = (between.count(COUNT, &labels), between.nanoseconds(SUM, &labels));
    within(&format!("{COUNT}{{read}} of one page"), "the calls", count, READS as u64..=READS as u64);
    within(&format!("{SUM}{{read}} of one page"), "the caller's clock", sum, 1..=worker.get(0));
    let mean = sum / count;
    assert!(mean < u64::from(DELAY_NS) / 10, "a hit takes {mean} ns");
}
