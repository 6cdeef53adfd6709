//! Collector `block_io` against the kernel's own books, on real disks.
//!
//! Works on the disk that KERNEL_EXPORTER_SCRATCH_DISK names, which is overwritten, else on a loop device
//! over memory. More is tested where there are these disks: `nullb0` with 20 ms of delay (module `null_blk`),
//! and one of module `scsi_debug`.

mod bench;
mod counters;
mod disk;
mod faults;

use std::{fs, io, thread, time::Duration};

use bench::{ALL, Bench, Where, as_statistics, durations, errors, in_flight, queue_durations, sizes};
use disk::{Disk, Statistics};
use exporter_common::block_io::BlockOwner;
use kernel_exporter::{
    hooks::block::{Kept, disk_name},
    kernel::slots::Tenancy,
};

/// Without the merges, of which only the kernel keeps count.
fn increase(before: &Statistics, after: &Statistics) -> Statistics {
    let pair = |a: (u64, u64), b: (u64, u64)| (b.0 - a.0, b.1 - a.1);
    Statistics {
        reads: pair(before.reads, after.reads),
        writes: pair(before.writes, after.writes),
        discards: pair(before.discards, after.discards),
        flushes: after.flushes - before.flushes,
        merges: 0,
    }
}

fn scratch() -> Option<Disk> {
    Disk::scratch().inspect_err(|error| println!("SKIPPED: no disk to work on: {error}")).ok()
}

/// One of everything that a disk can be asked for, within 1,024 pages; the device may refuse discards.
/// Buffered and direct I/O keep apart, because the page cache is not made for both at once.
fn work(disk: &Disk, first: u64, round: u64) -> io::Result<()> {
    disk.direct(true, first + round, 1, 0)?;
    disk.direct(true, first + 16, 32, 0)?;
    disk.direct(true, first + 64, 3, libc::O_DSYNC)?;
    disk.direct(false, first + round, 7, 0)?;
    disk.direct(false, first + 128, 64, 0)?;
    disk.buffered(first + 256, 48)?;
    disk.open(0)?.sync_all()?;
    for refused in [disk.discard(first + 512, 16), disk.zero(first + 768, 16)] {
        refused.or_else(
            |error| {
                if error.raw_os_error() == Some(libc::EOPNOTSUPP) { Ok(()) } else { Err(error) }
            },
        )?;
    }
    Ok(())
}

fn work_at_once(disk: &Disk) {
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..8 {
                    work(disk, thread * 1_024, round).expect("the disk works");
                }
            });
        }
    });
}

#[test]
fn counts_and_bytes_are_those_of_diskstats() {
    let (Some(mut bench), Some(disk)) = (Bench::attach(ALL), scratch()) else { return };
    compare_with_diskstats(&mut bench, &disk);
}

/// With every I/O scheduler that there is. When the kernel skips a program, and says so, there is nothing to
/// compare: once more.
fn compare_with_diskstats(bench: &mut Bench, disk: &Disk) {
    let schedulers = fs::read_to_string(disk.sysfs("queue/scheduler")).unwrap_or_default();
    for scheduler in schedulers.replace(['[', ']'], "").split_whitespace() {
        fs::write(disk.sysfs("queue/scheduler"), scheduler).expect("the scheduler is there");
        disk.direct(false, 0, 1, 0).expect("a first request, so that the disk is known");
        assert!(
            (0..5).any(|_| is_as_diskstats(bench, disk, scheduler)),
            "the kernel skipped programs each time, {} in all",
            bench.skipped()
        );
        bench.check_slots(disk);
    }
}

/// `false` if the kernel skipped a program meanwhile.
fn is_as_diskstats(bench: &mut Bench, disk: &Disk, scheduler: &str) -> bool {
    let skipped = bench.skipped();
    let (first, before) = bench.at_rest(disk);
    work_at_once(disk);
    let (last, after) = bench.at_rest(disk);
    let skipped = bench.skipped() - skipped;
    let (counted, truth) = (as_statistics(&first, &last, &disk.name), increase(&before, &after));
    let merges = after.merges - before.merges;
    println!("{}, {scheduler}: {truth:?}, {merges} merges, {skipped} skipped", disk.name);
    if skipped > 0 && counted != truth {
        println!("counted: {counted:?}");
        return false;
    }
    assert_eq!(counted, truth, "scheduler {scheduler}");
    assert!(truth.reads.0 >= 64 && truth.writes.0 >= 128, "{truth:?}");
    true
}

#[test]
fn every_measured_request_has_a_plausible_duration() {
    let (Some(mut bench), Some(disk)) = (Bench::attach(ALL), scratch()) else { return };
    let start = std::time::Instant::now();
    for page in 0..32 {
        disk.direct(false, page, 1, 0).expect("read");
    }
    let elapsed = start.elapsed();
    let (snapshot, _) = bench.at_rest(&disk);
    let (requests, nanoseconds) = durations(&snapshot, &disk.name)["read"];
    assert!(requests >= 32, "{requests}");
    assert!(nanoseconds > 0 && u128::from(nanoseconds) < elapsed.as_nanos(), "{nanoseconds} of {elapsed:?}");
}

#[test]
fn errors_are_counted_by_name_and_seen_before_there_are_any() {
    let Some(mut bench) = Bench::attach(ALL) else { return };
    let disk = match Disk::loop_device(1 << 20) {
        Ok(disk) => disk,
        Err(error) => return bench::absent(&format!("loop devices ({error})"), Where::OnTheHost),
    };
    disk.direct(true, 0, 1, 0).expect("written");
    let (snapshot, _) = bench.at_rest(&disk);
    let write = |error: &str| ("write".to_owned(), error.to_owned());
    assert_eq!(errors(&snapshot, &disk.name)[&write("io")], 0);
    assert_eq!(errors(&snapshot, &disk.name)[&write("timeout")], 0);
    disk.refuse_writes().expect("sealed");
    for _ in 0..3 {
        disk.direct(true, 0, 1, 0).expect_err("the memory is sealed");
    }
    let (snapshot, _) = bench.at_rest(&disk);
    let errors = errors(&snapshot, &disk.name);
    assert_eq!(errors[&write("io")], 3, "{errors:?}");
    assert_eq!(errors.values().sum::<u64>(), 3, "{errors:?}");
    assert_eq!(sizes(&snapshot, &disk.name)["write"].0, 4, "failed requests are requests");
    bench.check_slots(&disk);
}

#[test]
fn a_disk_that_is_gone_takes_its_slots_with_it() {
    let Some(mut bench) = Bench::attach(ALL) else { return };
    let Some(disk) = Disk::of_model("scsi_debug") else {
        return bench::absent("a disk of scsi_debug", Where::InVms);
    };
    disk.direct(false, 0, 1, 0).expect("read");
    let (snapshot, _) = bench.at_rest(&disk);
    assert!(sizes(&snapshot, &disk.name).contains_key("read"));
    assert!(owners(&mut bench).iter().any(|owner| name(owner) == disk.name));
    fs::write(disk.sysfs("device/delete"), "1").expect("deleted");
    thread::sleep(Duration::from_secs(6)); // sysfs is asked every five seconds
    let snapshot = bench.read();
    assert_eq!(in_flight(&snapshot, &disk.name), None);
    assert!(!owners(&mut bench).iter().any(|owner| name(owner) == disk.name), "its slots are free");
    for host in fs::read_dir("/sys/class/scsi_host").expect("hosts").flatten() {
        fs::write(host.path().join("scan"), "- - -").expect("scanned");
    }
}

fn owners(bench: &mut Bench) -> Vec<BlockOwner> {
    let mut owners = Vec::new();
    let visit = |_, tenancy, _: &_| {
        if let Tenancy::Goes(owner) = tenancy {
            owners.push(owner);
        }
    };
    bench.block.read_slots(visit).expect("read");
    owners
}

fn name(owner: &BlockOwner) -> String {
    disk_name(owner.device, &owner.disk_name)
}

#[test]
fn labels_that_are_not_kept_are_summed_in_the_kernel() {
    let kept = Kept { device: true, operation: false, cgroup: false };
    let (Some(mut bench), Some(disk)) = (Bench::attach(kept), scratch()) else { return };
    work(&disk, 0, 0).expect("the disk works");
    thread::sleep(Duration::from_millis(300));
    bench.read();
    let mut devices = Vec::new();
    for BlockOwner { device, operation, cgroup, .. } in owners(&mut bench) {
        assert_eq!((operation, cgroup), (0, 0));
        assert!(!devices.contains(&device), "one slot for each device");
        devices.push(device);
    }
    assert!(!devices.is_empty());
    bench.check_slots(&disk);
}

#[test]
fn requests_that_the_device_has_are_in_flight() {
    let Some(mut bench) = Bench::attach(ALL) else { return };
    let Some(disk) = Disk::named("nullb0") else { return bench::absent("nullb0", Where::InVms) };
    disk.direct(false, 0, 1, 0).expect("read");
    bench.at_rest(&disk);
    thread::scope(|scope| {
        let disk = &disk;
        let readers: Vec<_> = (0..4).map(|page| scope.spawn(move || slow_reads(disk, page))).collect();
        let mut most = 0;
        while !readers.iter().all(|reader| reader.is_finished()) {
            most = most.max(in_flight(&bench.read(), &disk.name).unwrap_or(0));
        }
        assert!((1..=4).contains(&most), "{most}");
    });
    bench.at_rest(&disk);
}

fn slow_reads(disk: &Disk, page: u64) {
    for _ in 0..10 {
        disk.direct(false, page, 1, 0).expect("read");
    }
}

#[test]
fn a_delay_of_twenty_milliseconds_is_found() {
    let Some(mut bench) = Bench::attach(ALL) else { return };
    let Some(disk) = Disk::named("nullb0") else { return bench::absent("nullb0", Where::InVms) };
    let (before, _) = {
        disk.direct(false, 0, 1, 0).expect("read");
        bench.at_rest(&disk)
    };
    for page in 0..20 {
        disk.direct(false, page, 1, 0).expect("read");
    }
    let (after, _) = bench.at_rest(&disk);
    let (old, new) = (durations(&before, "nullb0")["read"], durations(&after, "nullb0")["read"]);
    assert_eq!(new.0 - old.0, 20);
    let mean = Duration::from_nanos((new.1 - old.1) / 20);
    println!("mean duration {mean:?}, queue {:?}", queue_durations(&after, "nullb0").get("read"));
    assert!((20..30).contains(&mean.as_millis()), "{mean:?}");
    bench.check_slots(&disk);
}
