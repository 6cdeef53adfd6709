//! What drivers do when things go wrong: request merges, requeues, partial completions, errors.

use std::{fs, thread, time::Duration};

use exporter_common::block_io::BlockProgram;

use crate::{
    bench::{ALL, Bench, as_statistics, errors},
    disk::Disk,
    increase,
};

#[test]
fn absorbed_requests_are_forgotten() {
    let Some(mut bench) = Bench::attach(ALL) else { return };
    let Some(disk) = Disk::named("nullb0") else {
        return crate::bench::absent("nullb0", crate::bench::Where::InVms);
    };
    if fs::write(disk.sysfs("queue/scheduler"), "mq-deadline").is_err() {
        return crate::bench::absent("the scheduler mq-deadline", crate::bench::Where::InVms);
    }
    // More than the device takes at once.
    fs::write(disk.sysfs("queue/nr_requests"), "64").expect("the scheduler has room");
    disk.direct(false, 0, 1, 0).expect("read");
    let (first, before) = bench.at_rest(&disk);
    // The device is kept busy far away; of three neighbours that wait, the last joins the other two.
    let absorbed = |bench: &Bench| bench.block.totals().programs[BlockProgram::Merge as usize].runs;
    for _ in 0..10 {
        let far = (0..8).map(|n| 1_024 + 8 * n);
        thread::scope(|scope| {
            for page in far.chain([0, 2, 1]) {
                let disk = &disk;
                scope.spawn(move || disk.direct(false, page, 1, 0).expect("read"));
                thread::sleep(Duration::from_millis(2));
            }
        });
    }
    let (last, after) = bench.at_rest(&disk);
    assert_eq!(as_statistics(&first, &last, &disk.name), increase(&before, &after));
    let absorbed = absorbed(&bench);
    println!("{absorbed} requests were absorbed, diskstats has {} merges", after.merges - before.merges);
    assert!(absorbed > 0, "no request was absorbed");
    bench.check_slots(&disk);
}

/// What `scsi_debug` is told to do wrong (drivers/scsi/scsi_debug.c, parameter `opts`).
struct Fault {
    opts: u32,
    every_nth: u32,
    what: &'static str,
    /// The error that comes of it; others are repaired by the SCSI layer.
    error: Option<&'static str>,
    /// The program that must have seen it.
    program: Option<BlockProgram>,
}

const FAULTS: [Fault; 5] = [
    Fault {
        opts: 0x100,
        every_nth: 7,
        what: "short transfers",
        error: None,
        program: Some(BlockProgram::Requeue),
    },
    Fault {
        opts: 0x8000,
        every_nth: 5,
        what: "host busy",
        error: None,
        program: Some(BlockProgram::Requeue),
    },
    Fault {
        opts: 0x10,
        every_nth: 9,
        what: "transport errors",
        error: None,
        program: Some(BlockProgram::Requeue),
    },
    Fault { opts: 0x8, every_nth: 6, what: "recovered errors", error: None, program: None },
    Fault { opts: 0x2, every_nth: 0, what: "medium errors", error: Some("medium"), program: None },
];

#[test]
fn faulty_disks_are_counted_as_diskstats_does() {
    let Some(bench) = Bench::attach(ALL) else { return };
    go_through_faults(bench);
}

/// A request that completes in parts is one request, also where only completions are seen.
#[test]
fn counters_count_faulty_disks_as_diskstats_does() {
    let Some(bench) = Bench::attach_counters() else { return };
    go_through_faults(bench);
}

fn go_through_faults(mut bench: Bench) {
    const DRIVER: &str = "/sys/bus/pseudo/drivers/scsi_debug";
    let follows = bench.block.parts().durations;
    let Some(disk) = Disk::of_model("scsi_debug") else {
        return crate::bench::absent("a disk of scsi_debug", crate::bench::Where::InVms);
    };
    let set = |name: &str, value: u32| fs::write(format!("{DRIVER}/{name}"), value.to_string()).expect("set");
    disk.direct(false, 0, 1, 0).expect("read");
    for Fault { opts, every_nth, what, error, program } in FAULTS {
        let runs =
            |bench: &Bench| program.map(|program| bench.block.totals().programs[program as usize].runs);
        let (first, before) = bench.at_rest(&disk);
        let runs_before = runs(&bench);
        set("every_nth", every_nth);
        set("opts", opts);
        for page in 0..60 {
            let _ = disk.direct(page % 3 == 0, page, 16, 0);
        }
        // Medium errors are at sectors 0x1234 to 0x123d, all of them in these pages.
        let bad = disk.direct(false, 0x1230 / 8, 2, 0);
        set("opts", 0);
        set("every_nth", 0);
        let (last, after) = bench.at_rest(&disk);
        let truth = increase(&before, &after);
        let count = |snapshot| {
            errors(snapshot, &disk.name)
                .iter()
                .filter(|((_, name), _)| Some(name.as_str()) == error)
                .map(|(_, n)| n)
                .sum::<u64>()
        };
        println!(
            "{what}: {truth:?}, {} errors, program ran {:?} to {:?}",
            count(&last) - count(&first),
            runs_before,
            runs(&bench)
        );
        assert_eq!(as_statistics(&first, &last, &disk.name), truth, "{what}");
        if error.is_some() {
            bad.expect_err("there are bad sectors");
            assert!(count(&last) > count(&first), "{what}: {:?}", errors(&last, &disk.name));
        }
        if program.is_some() && follows {
            assert!(runs(&bench) > runs_before, "{what}: the program did not run");
        }
        bench.check_slots(&disk);
    }
}
