//! With counters only: requests, bytes and errors are what they are with durations, and nothing else is there.

use kernel_exporter::{
    collectors::block_io::{ERRORS, SIZE},
    hooks::block::PROGRAMS,
};

use crate::{
    bench::{self, Bench, Where, errors, samples_of_size, sizes},
    compare_with_diskstats,
    disk::Disk,
    scratch,
};

#[test]
fn counters_are_those_of_diskstats() {
    let (Some(mut bench), Some(disk)) = (Bench::attach_counters(), scratch()) else { return };
    compare_with_diskstats(&mut bench, &disk);
}

/// Bytes of a flush sequence are told before its end, at which it is a request: it must be found in the bucket
/// of its size.
#[test]
fn flush_sequences_keep_their_size() {
    let (Some(mut bench), Some(disk)) = (Bench::attach_counters(), scratch()) else { return };
    disk.direct(true, 0, 1, 0).expect("a first request, so that the disk is known");
    let (first, _) = bench.at_rest(&disk);
    for _ in 0..10 {
        disk.direct(true, 0, 3, libc::O_DSYNC).expect("written");
    }
    let (last, _) = bench.at_rest(&disk);
    let ((old, old_bytes), (new, bytes)) =
        (sizes(&first, &disk.name)["write"], sizes(&last, &disk.name)["write"]);
    assert_eq!(bytes - old_bytes, 10 * 3 * 4096);
    // Where the disk has a cache that it cannot write through, each is followed by an empty flush at most.
    assert!((10..=20).contains(&(new - old)), "{}", new - old);
    let large = |snapshot| samples_of_size(snapshot, &disk.name, "write", 3 * 4096);
    assert_eq!(large(&last) - large(&first), 10, "each is a sample of its own size");
}

#[test]
fn only_what_is_measured_is_there() {
    let Some(mut bench) = Bench::attach_counters() else { return };
    let disk = match Disk::loop_device(1 << 20) {
        Ok(disk) => disk,
        Err(error) => return bench::absent(&format!("loop devices ({error})"), Where::OnTheHost),
    };
    disk.direct(true, 0, 1, 0).expect("written");
    let (snapshot, _) = bench.at_rest(&disk);
    let write = |error: &str| ("write".to_owned(), error.to_owned());
    assert_eq!(errors(&snapshot, &disk.name)[&write("io")], 0);
    disk.refuse_writes().expect("sealed");
    for _ in 0..3 {
        disk.direct(true, 0, 1, 0).expect_err("the memory is sealed");
    }
    let (snapshot, _) = bench.at_rest(&disk);
    assert_eq!(errors(&snapshot, &disk.name)[&write("io")], 3, "by the disk's name");
    assert_eq!(sizes(&snapshot, &disk.name)["write"].0, 4, "failed requests are requests");
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        let name = family.metric.name;
        assert!([SIZE.name, ERRORS.name].contains(&name), "{name} is not measured");
    }
    let attached: Vec<_> = PROGRAMS
        .map(|(_, name)| name)
        .into_iter()
        .filter(|name| bench.block.program_info(name).is_some())
        .collect();
    assert_eq!(attached, ["block_rq_complete"]);
    bench.check_slots(&disk);
}
