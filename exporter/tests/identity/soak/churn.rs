//! Cgroups and processes that come and go leave nothing behind but their increments.

use std::time::{Duration, Instant};

use super::{
    crowd::{Batch, Crowd, METRICS, Sums},
    size::Size,
    soak_time,
};
use crate::{
    harness::*,
    nest::Nest,
    seen::{Seen, is_ours},
};

/// Emulated machines take twenty milliseconds for a process.
fn batch() -> Batch {
    Batch { cgroups: if in_vm() { 5 } else { 10 }, processes: 10 }
}

/// After these all slots have been used once, and what the exporter keeps per slot is there for good.
const WARM_UP: u64 = 12;

/// What the heap may grow by after the warm-up, however long the run. Ten thousand cgroups take half a megabyte, all
/// of it in the first seven thousand; and where the heap is small, the allocator gives back 1.4 MB at one time and
/// not at another.
const GROWTH: u64 = 2 << 20;

/// The shortest run.
const BATCHES_AT_LEAST: u64 = 16;

/// How long to go on.
struct Length {
    batches: u64,
    time: Duration,
}

impl Length {
    /// `make soak` says for how long, and it is then at least ten thousand cgroups and a hundred thousand processes.
    /// Else as many as fit into a short time.
    fn of_this_run() -> Self {
        match soak_time() {
            Some(time) => Self { batches: 10_000_u64.div_ceil(batch().cgroups), time },
            None => {
                Self { batches: BATCHES_AT_LEAST, time: Duration::from_secs(if in_vm() { 0 } else { 25 }) }
            }
        }
    }
}

/// While thousands of containers live and die, the exporter's memory, its maps and its label sets stay as large as
/// they were, and after the time to linger, slots and series are where they began.
#[test]
fn thousands_leave_only_their_increments() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(
        "limits: {slots: 256, linger: 10s, label_sets_per_metric: 100000, label_sets: 1000000}\n\
         kubernetes: {source: off}\n",
    );
    let mut nest = Nest::default();
    let mut crowd = Crowd::by_batches(&mut nest, batch());
    let mut seen = Seen::only(&METRICS);
    let before = exporter.scrape();
    seen.take(&before);
    let sums = Sums::of(&seen);
    let used = crowd.used();
    let series = |scrape: &Scrape| scrape.samples.keys().filter(|(_, labels)| is_ours(labels)).count();

    let (length, begin) = (Length::of_this_run(), Instant::now());
    let (mut batches, mut early) = (0, None);
    let mut late = Vec::new();
    while batches < length.batches || begin.elapsed() < length.time {
        crowd.run_batch();
        let scrape = exporter.scrape();
        seen.take(&scrape);
        batches += 1;
        if batches == WARM_UP {
            early = Some(Size::of(&exporter, &scrape));
        } else if batches > WARM_UP {
            late.push(Size::of(&exporter, &scrape));
        }
        if batches % 16 == 0 {
            println!("{batches} batches in {:?}: {:?}", begin.elapsed(), Size::of(&exporter, &scrape));
        }
    }
    let truth = crowd.used() - used;
    let mut after = exporter.scrape();
    wait_for("the series of removed cgroups end", || {
        after = exporter.scrape();
        seen.take(&after);
        series(&after) == series(&before)
    });
    let (early, latest) = (early.expect("longer than that"), *late.last().expect("longer than that"));
    let cgroups = batches * batch().cgroups;
    println!(
        "{cgroups} cgroups and {} processes in {:?}: {early:?} after {WARM_UP} batches, {latest:?} after {batches}",
        cgroups * batch().processes,
        begin.elapsed(),
    );

    (Sums::of(&seen) - sums).assert_are(truth);
    // A host's other cgroups come and go too; hundreds of ours would show.
    let others = if in_vm() { 0 } else { 32 };
    let slots = before.sum("kernel_exporter_slots_used", &[("family", "sched")]);
    assert!(Size::of(&exporter, &after).slots <= slots + others, "{slots} slots at first, then {latest:?}");
    late.iter().for_each(|size| size.assert_no_more_than(&early, GROWTH, 1.25));
}
