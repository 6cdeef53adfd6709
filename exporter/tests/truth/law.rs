//! What must hold in every scrape, whatever happens.

use std::time::Duration;

use crate::harness::*;

/// Fifty scrapes while processes and cgroups come and go, more of both than there are places for, so that
/// label sets are folded and unfolded: no counter and no part of a histogram ever goes back, and no label
/// set is there twice ([`Scrape::parse`] fails on one).
#[test]
fn counters_never_go_back() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("limits: {label_sets_per_metric: 40, processes: 256, linger: 10s}\n");
    let cgroup = Cgroup::make("law");
    let path = cgroup.path.as_str();
    let mut worker = Worker::spawn(
        "truth-law",
        &cgroup,
        || {},
        |job| {
            for number in 0.. {
                if job.get(0) == 1 {
                    break;
                }
                let inner = (number % 7 == 0).then(|| Cgroup::at(&format!("{path}/{number}")));
                let child = fork(|| {
                    set_command(&format!("truth-{}", number % 60));
                    if let Some(inner) = &inner {
                        inner.enter();
                    }
                    busy(Duration::from_millis(1));
                });
                end_of(child);
                job.set(1, number + 1);
            }
        },
    );
    let mut before = exporter.scrape();
    worker.start();

    let (mut compared, mut grown) = (0, 0);
    for _ in 0..50 {
        let after = exporter.scrape();
        for (name, value) in after.samples.iter().filter(|((name, _), _)| after.is_counter(name)) {
            let Some(earlier) = before.samples.get(name) else { continue };
            assert!(value >= earlier, "{name:?} went back from {earlier} to {value}");
            compared += 1;
            grown += u64::from(value > earlier);
        }
        before = after;
    }
    worker.set(0, 1);
    worker.finish();

    assert!(compared > 50 * 100, "only {compared} comparisons");
    assert!(grown > 50 * 10, "only {grown} series have grown");
    assert!(worker.get(1) > 50, "only {} processes", worker.get(1));
    let defects = ["kernel_exporter_dropped_increments_total", "kernel_exporter_backward_values_total"];
    assert_eq!(defects.map(|name| before.sum(name, &[])), [0, 0]);
}
