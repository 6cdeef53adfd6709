//! How many there were.

use std::{fs, ops::RangeInclusive, path::Path, thread};

use super::{COUNT, OPERATIONS, exporter, failures, setting::*};
use crate::{accuracy::within, harness::*};

/// Rounds of the work below.
const ROUNDS: u64 = 100;

/// What a round of [`work`] does.
const OF_A_ROUND: [(&str, u64); 6] =
    [("open", 2), ("write", 5), ("read", 6), ("fsync", 2), ("readdir", 2), ("unlink", 1)];

/// Makes a file, writes it, reads it, syncs it, lists its folder and removes it.
fn work(folder: &Path) {
    let path = folder.join("file");
    let mut buffer = [1_u8; 512];
    for _ in 0..ROUNDS {
        let fd = open(&path, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL);
        let piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: 512 };
        let pieces = [piece, piece];
        // SAFETY: a descriptor that is open, and buffers of these lengths.
        let done = unsafe {
            let address = buffer.as_mut_ptr().cast();
            [
                libc::write(fd, address, 512) == 512,
                pwrite(fd, &buffer, 512) == 512,
                libc::writev(fd, pieces.as_ptr(), 2) == 1024,
                libc::pwritev(fd, pieces.as_ptr(), 2, 2048) == 1024,
                libc::syscall(libc::SYS_pwritev2, fd, pieces.as_ptr(), 2, 3072, 0, 0) == 1024,
                libc::fsync(fd) == 0,
                libc::fdatasync(fd) == 0,
                libc::lseek(fd, 0, libc::SEEK_SET) == 0,
                libc::read(fd, address, 512) == 512,
                pread(fd, &mut buffer, 512) == 512,
                libc::readv(fd, pieces.as_ptr(), 2) == 1024,
                libc::preadv(fd, pieces.as_ptr(), 2, 1024) == 1024,
                libc::syscall(libc::SYS_preadv2, fd, pieces.as_ptr(), 2, 3072, 0, 0) == 1024,
                // Behind the end there is nothing to read, which is no error.
                pread(fd, &mut buffer, 1 << 20) == 0,
            ]
        };
        assert_eq!(done, [true; 14]);
        let listed = open(folder, libc::O_RDONLY | libc::O_DIRECTORY);
        let mut names = [0_u8; 4096];
        // SAFETY: room for as many bytes. The second call says that there are no more.
        let lists = [(); 2].map(|()| unsafe {
            libc::syscall(libc::SYS_getdents64, listed, names.as_mut_ptr(), names.len())
        });
        assert!(lists[0] > 0 && lists[1] == 0, "{lists:?}");
        close(listed);
        close(fd);
        assert_eq!(unlink(&path), 0);
    }
}

/// Has the first page of a file written to the disk, through a mapping.
fn msync(fd: i32) -> i32 {
    // SAFETY: a new mapping, which goes at the end.
    unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let start = libc::mmap(std::ptr::null_mut(), Page::SIZE, access, libc::MAP_SHARED, fd, 0);
        assert_ne!(start, libc::MAP_FAILED);
        let result = libc::msync(start, Page::SIZE, libc::MS_SYNC);
        libc::munmap(start, Page::SIZE);
        result
    }
}

fn exactly(count: u64) -> RangeInclusive<u64> {
    count..=count
}

/// With an overlay, what it does by the file system below it is a part of its operations.
#[test]
fn operations_are_as_many_as_were_made() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: cgroup") else { return };
    for (kind, make) in Mounted::ALL {
        let mounted = make("counts");
        let cgroup = Cgroup::make(&format!("counts-{kind}"));
        let folder = mounted.folder.clone();
        let mut worker = Worker::spawn("works", &cgroup, || {}, move |_| work(&folder));
        let (between, ()) = exporter.during(|| worker.work());
        for (operation, times) in OF_A_ROUND {
            let labels = [
                ("cgroup", &*cgroup.path),
                ("system_filesystem_type", kind),
                ("filesystem_operation", operation),
            ];
            let counted = between.count(COUNT, &labels);
            within(
                &format!("{COUNT}{{{operation},{kind}}}"),
                "the calls of a loop",
                counted,
                exactly(times * ROUNDS),
            );
        }
        let all: u64 = OF_A_ROUND.iter().map(|(_, times)| times * ROUNDS).sum();
        assert_eq!(between.count(COUNT, &[("cgroup", &cgroup.path)]), all, "nothing else, on no file system");
        assert_eq!(failures(&between, "start_missed"), 0);
        assert_eq!(failures(&between, "task_entry_missing"), 0);
    }
}

#[test]
fn counters_count_the_same() {
    let Some(_turn) = turn() else { return };
    for by in ["cgroup", "none"] {
        let Some(exporter) = exporter(&format!("by: {by}, detail: counters")) else { return };
        let mounted = Mounted::ext4("counters");
        let cgroup = Cgroup::make("counters");
        let folder = mounted.folder.clone();
        let mut worker = Worker::spawn("works", &cgroup, || {}, move |_| work(&folder));
        let (between, ()) = exporter.during(|| worker.work());
        for (operation, times) in OF_A_ROUND {
            // On this file system there is nobody else.
            let mut labels = vec![("system_filesystem_type", "ext4"), ("filesystem_operation", operation)];
            if by == "cgroup" {
                labels.push(("cgroup", &cgroup.path));
            }
            let counted = between.count(OPERATIONS, &labels);
            let metric = format!("{OPERATIONS}{{{operation}}} by {by}");
            within(&metric, "the calls of a loop", counted, exactly(times * ROUNDS));
        }
        assert_eq!(between.after.series(COUNT, &[]).count(), 0, "nothing is timed");
    }
}

/// What sendfile and splice move is read and written piece by piece; a piece of a page is one.
#[test]
fn pieces_that_are_sent_are_counted() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: cgroup") else { return };
    for (kind, make) in &Mounted::ALL[..2] {
        let mounted = make("pieces");
        let cgroup = Cgroup::make(&format!("pieces-{kind}"));
        let folder = mounted.folder.clone();
        let mut worker = Worker::spawn(
            "sends",
            &cgroup,
            || {},
            move |_| {
                let from = open(&folder.join("from"), libc::O_RDWR | libc::O_CREAT);
                let to = open(&folder.join("to"), libc::O_RDWR | libc::O_CREAT);
                assert_eq!(pwrite(from, &[1; Page::SIZE], 0), Page::SIZE as isize);
                let (out, into) = pipe();
                let (out, into) =
                    (std::os::fd::AsRawFd::as_raw_fd(&out), std::os::fd::AsRawFd::as_raw_fd(&into));
                let none = std::ptr::null_mut();
                for _ in 0..ROUNDS {
                    let mut offset = 0;
                    // SAFETY: descriptors that are open, and an offset.
                    let moved = unsafe {
                        let sent = libc::sendfile(to, from, &raw mut offset, Page::SIZE);
                        let mut offset = 0;
                        let one = libc::splice(from, &raw mut offset, into, none, Page::SIZE, 0);
                        [sent, one, libc::splice(out, none, to, none, Page::SIZE, 0)]
                    };
                    assert_eq!(moved, [Page::SIZE as isize; 3]);
                }
            },
        );
        let (between, ()) = exporter.during(|| worker.work());
        for (operation, truth) in [("read", 2 * ROUNDS), ("write", 2 * ROUNDS + 1)] {
            let labels = [
                ("cgroup", &*cgroup.path),
                ("system_filesystem_type", kind),
                ("filesystem_operation", operation),
            ];
            let metric = format!("{COUNT}{{{operation},{kind}}} by sendfile and splice");
            within(&metric, "the pieces", between.count(COUNT, &labels), exactly(truth));
        }
    }
}

/// Many threads at once, each of which reads one page that is in memory all the time.
#[test]
fn reads_of_what_is_in_memory_are_counted() {
    const THREADS: u64 = 8;
    const READS: u64 = 5_000;
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: none") else { return };
    let mounted = Mounted::ext4("cached");
    let cgroup = Cgroup::make("cached");
    let path = mounted.folder.join("page");
    let mut worker = Worker::spawn(
        "reads",
        &cgroup,
        || {},
        move |_| {
            let fd = open(&path, libc::O_RDWR | libc::O_CREAT);
            assert_eq!(pwrite(fd, &[1; Page::SIZE], 0), Page::SIZE as isize);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        let mut buffer = [0; Page::SIZE];
                        for _ in 0..READS {
                            assert_eq!(pread(fd, &mut buffer, 0), Page::SIZE as isize);
                        }
                    });
                }
            });
        },
    );
    let (between, ()) = exporter.during(|| worker.work());
    let labels = [("system_filesystem_type", "ext4"), ("filesystem_operation", "read")];
    let counted = between.count(COUNT, &labels);
    // While a task is preempted in the middle of a program, the kernel skips the program for others on that CPU.
    let skipped =
        between.count("kernel_exporter_program_recursion_misses_total", &[("family", "filesystem")]);
    let truth = (THREADS * READS).saturating_sub(skipped)..=THREADS * READS;
    println!("{skipped} runs of programs were skipped");
    within(&format!("{COUNT}{{read}} of what is in memory"), "the calls of threads", counted, truth);
}

/// A thread whose id ends in the same bits as that of one which is in an operation at the time.
#[test]
fn threads_with_ids_alike_do_not_disturb_each_other() {
    const ALIKE: libc::pid_t = 32_768;
    const READS: u64 = 5_000;
    if !in_vm() {
        return; // it takes a system-wide setting, which is not ours to change; every VM runs this
    }
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: cgroup") else { return };
    fs::write("/proc/sys/kernel/pid_max", "200000").expect("root may");
    let mounted = Mounted::ext4("alike");
    let (fifo, page) = (mounted.folder.join("fifo"), mounted.folder.join("page"));
    // SAFETY: a path.
    assert_eq!(unsafe { libc::mkfifo(c_path(&fifo).as_ptr(), 0o600) }, 0);
    let cgroup = Cgroup::make("alike");
    let opened = fifo.clone();
    let mut first = Worker::spawn("waits", &cgroup, || {}, move |_| close(open(&opened, libc::O_RDONLY)));
    fs::write("/proc/sys/kernel/ns_last_pid", (first.pid + ALIKE - 1).to_string()).expect("root may");
    let reads = move |_: &_| {
        let (fd, mut byte) = (open(&page, libc::O_RDWR | libc::O_CREAT), [1]);
        assert_eq!(pwrite(fd, &byte, 0), 1);
        (0..READS).for_each(|_| assert_eq!(pread(fd, &mut byte, 0), 1));
    };
    let mut second = Worker::spawn("reads", &cgroup, || {}, reads);
    assert_eq!(second.pid, first.pid + ALIKE, "nobody else is made in between");
    first.start();
    let file = format!("/proc/{}/syscall", first.pid);
    let opens = format!("{} ", libc::SYS_openat);
    wait_for("it waits for a writer", || {
        fs::read_to_string(&file).is_ok_and(|call| call.starts_with(&opens))
    });
    let (between, ()) = exporter.during(|| second.work());
    close(open(&fifo, libc::O_WRONLY));
    first.finish();
    let labels =
        [("cgroup", &*cgroup.path), ("system_filesystem_type", "ext4"), ("filesystem_operation", "read")];
    within(
        &format!("{COUNT}{{read}} of threads alike"),
        "the calls of a loop",
        between.count(COUNT, &labels),
        exactly(READS),
    );
}

/// What is written and waited for at once is one write; that a mapping is written to the disk is an fsync.
#[test]
fn a_synchronous_write_is_no_fsync_and_msync_is_one() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: cgroup") else { return };
    let mounted = Mounted::ext4("synchronous");
    let cgroup = Cgroup::make("synchronous");
    let path = mounted.folder.join("file");
    let mut worker = Worker::spawn(
        "writes",
        &cgroup,
        || {},
        move |_| {
            let fd = open(&path, libc::O_RDWR | libc::O_CREAT | libc::O_SYNC);
            for _ in 0..ROUNDS {
                assert_eq!(pwrite(fd, &[1; 512], 0), 512);
            }
            for _ in 0..ROUNDS / 2 {
                assert_eq!(msync(fd), 0);
            }
        },
    );
    let (between, ()) = exporter.during(|| worker.work());
    for (operation, truth) in [("write", ROUNDS), ("fsync", ROUNDS / 2)] {
        let labels = [("cgroup", &*cgroup.path), ("filesystem_operation", operation)];
        let metric = format!("{COUNT}{{{operation}}} of synchronous writes and msync");
        within(&metric, "the calls of a loop", between.count(COUNT, &labels), exactly(truth));
    }
}

/// Pipes, devices, and file systems that hold nobody's files.
#[test]
fn what_waits_for_others_is_left_out() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: cgroup") else { return };
    let cgroup = Cgroup::make("left-out");
    let mut worker = Worker::spawn(
        "reads",
        &cgroup,
        || {},
        |_| {
            let (out, into) = pipe();
            let (out, into) = (std::os::fd::AsRawFd::as_raw_fd(&out), std::os::fd::AsRawFd::as_raw_fd(&into));
            let mut byte = [0];
            for _ in 0..ROUNDS {
                for path in ["/proc/self/stat", "/dev/zero", "/sys/kernel/uevent_seqnum"] {
                    let fd = open(Path::new(path), libc::O_RDONLY);
                    // SAFETY: room for a byte.
                    assert_eq!(unsafe { libc::read(fd, byte.as_mut_ptr().cast(), 1) }, 1);
                    close(fd);
                }
                // SAFETY: a byte, and room for it.
                unsafe {
                    assert_eq!(libc::write(into, byte.as_ptr().cast(), 1), 1);
                    assert_eq!(libc::read(out, byte.as_mut_ptr().cast(), 1), 1);
                }
            }
        },
    );
    let (between, ()) = exporter.during(|| worker.work());
    let counted = between.count(COUNT, &[("cgroup", &cgroup.path)]);
    within(&format!("{COUNT} of pipes, devices, proc and sysfs"), "none of them", counted, 0..=0);
}

#[test]
fn only_types_that_are_named_are_measured() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: none, types: [ext4, proc]") else { return };
    let mounts = [Mounted::ext4("types"), Mounted::tmpfs("types-not", 1 << 20)];
    let cgroup = Cgroup::make("types");
    let folders = mounts.each_ref().map(|mounted| mounted.folder.clone());
    let mut worker =
        Worker::spawn("works", &cgroup, || {}, move |_| folders.iter().for_each(|folder| work(folder)));
    let (between, ()) = exporter.during(|| worker.work());
    let labels = [("system_filesystem_type", "ext4"), ("filesystem_operation", "read")];
    within(&format!("{COUNT} of a list"), "the calls", between.count(COUNT, &labels), exactly(6 * ROUNDS));
    let types = between.after.series(COUNT, &[]).map(|(labels, _)| &*labels["system_filesystem_type"]);
    let others: Vec<_> = types.filter(|kind| !["ext4", "proc"].contains(kind)).collect();
    assert!(others.is_empty(), "{others:?}");
}
