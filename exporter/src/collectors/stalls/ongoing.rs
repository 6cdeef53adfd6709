//! What is going on with a thread: the parts of its time that are in no sum of the kernel's side yet.
//!
//! They are divided as they will be when the thread departs again (`exporter-ebpf/src/sched/scheduler.rs`), so that what
//! was shown of an interval is part of what will be counted of it.

use exporter_common::stalls::{Activity, OLDER, Ongoing};

const RUN_QUEUE: u32 = Activity::RunQueue as u32;

/// Calls `add` with activities and nanoseconds.
pub(super) fn parts(ongoing: &Ongoing, mut add: impl FnMut(u32, u64)) {
    let Ongoing { now, departed, waited, last_arrival, last_queued, activity, on_cpu } = *ongoing;
    let activity = activity & !OLDER;
    if on_cpu != 0 {
        add(Activity::Running as u32, now.saturating_sub(last_arrival));
    }
    let gap_until = |end: u64| end.saturating_sub(departed);
    let mut split = |gap: u64, waited: u64| {
        add(RUN_QUEUE, waited);
        add(activity, gap.saturating_sub(waited));
    };
    match (departed, on_cpu) {
        // It has not run yet.
        (0, 0) if last_queued != 0 => add(RUN_QUEUE, now.saturating_sub(last_queued)),
        (0, _) => {}
        (_, 0) if activity == RUN_QUEUE => add(RUN_QUEUE, gap_until(now)),
        (_, 0) if last_queued > departed => {
            split(gap_until(now), waited.saturating_add(now.saturating_sub(last_queued)));
        }
        (_, 0) => split(gap_until(now), waited),
        (..) if activity == RUN_QUEUE => add(RUN_QUEUE, gap_until(last_arrival)),
        (..) => split(gap_until(last_arrival), waited),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ongoing: Ongoing) -> Vec<(u32, u64)> {
        let mut all = Vec::new();
        parts(&ongoing, |activity, time| {
            if time > 0 {
                all.push((activity, time));
            }
        });
        all
    }

    const POLL: u32 = Activity::Poll as u32;

    #[test]
    fn who_sleeps_sleeps_until_now() {
        let asleep = Ongoing { now: 1_000, departed: 400, activity: POLL | OLDER, ..Ongoing::default() };
        assert_eq!(of(asleep), [(POLL, 600)]);
        let woken = Ongoing { last_queued: 900, ..asleep };
        assert_eq!(of(woken), [(RUN_QUEUE, 100), (POLL, 500)]);
    }

    #[test]
    fn who_runs_has_a_gap_behind_him() {
        let running = Ongoing {
            now: 1_000,
            departed: 400,
            waited: 50,
            last_arrival: 700,
            activity: POLL,
            on_cpu: 1,
            ..Ongoing::default()
        };
        assert_eq!(of(running), [(0, 300), (RUN_QUEUE, 50), (POLL, 250)]);
        assert_eq!(of(Ongoing { activity: RUN_QUEUE, ..running }), [(0, 300), (RUN_QUEUE, 300)]);
    }

    #[test]
    fn the_parts_are_the_whole() {
        for on_cpu in [0, 1] {
            for activity in [RUN_QUEUE, POLL, POLL | OLDER] {
                for last_queued in [0, 600] {
                    let ongoing = Ongoing {
                        now: 1_000,
                        departed: 300,
                        waited: 0,
                        last_arrival: 700,
                        last_queued,
                        activity,
                        on_cpu,
                    };
                    assert_eq!(of(ongoing).iter().map(|(_, time)| time).sum::<u64>(), 700, "{ongoing:?}");
                }
            }
        }
    }

    #[test]
    fn clocks_that_differ_do_no_harm() {
        let ahead = Ongoing {
            now: 100,
            departed: 200,
            waited: 0,
            last_arrival: 300,
            last_queued: 400,
            activity: POLL,
            on_cpu: 0,
        };
        assert_eq!(of(ahead), []);
    }
}
