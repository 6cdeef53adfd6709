//! Scraped, pushing and reconfigured all the time, while processes come and go.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    crowd::{Batch, Crowd, METRICS, Sums},
    receiver::Receiver,
    size::Size,
    soak_time,
};
use crate::{harness::*, nest::Nest, seen::Seen};

/// A thousand processes per second, where the machine can.
const BATCH: Batch = Batch { cgroups: 1, processes: 100 };
const EVERY: Duration = Duration::from_millis(100);

/// The time from one scrape to the next.
const SCRAPED_EVERY: Duration = Duration::from_millis(100);

/// The time from one reload to the next, in a long run and in a short one.
const RELOADED_EVERY: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(2)];

/// What the heap may grow by after the first round, however long the run. A leak of what one reload takes would be six
/// times that.
const GROWTH: u64 = 4 << 20;

/// What is reloaded in turn: what is added, how often it pushes, and whether it is a config at all. None of it takes
/// the scheduler's programs away, whose counts are compared with the truth.
const CONFIGS: [(&str, &str, bool); 8] = [
    ("collectors: {block_io: {enabled: false}}", "1s", true),
    ("histograms: {scale: 1, classic: false}", "2s", true),
    ("collectors: {block_io: {by: none}}", "1s", true),
    ("colectors: {}", "1s", false),
    ("log: {level: debug}", "1s", true),
    ("histograms: {scale: 99}", "1s", false),
    ("reload: {watch: false, http: true}", "1s", true),
    BASE,
];

/// The one that sizes are compared at.
const BASE: (&str, &str, bool) = ("", "1s", true);

/// Scrapes ten times a second.
struct Scraper<'a> {
    exporter: &'a Exporter,
    seen: Seen,
    scrapes: u32,
}

impl Scraper<'_> {
    fn look(&mut self) -> Scrape {
        let next = Instant::now() + SCRAPED_EVERY;
        let scrape = self.exporter.scrape();
        self.seen.take(&scrape);
        self.scrapes += 1;
        thread::sleep(next.saturating_duration_since(Instant::now()));
        scrape
    }
}

/// All of it for as long as `make soak` says, else once.
#[test]
fn load_and_reloads_leave_no_trace() {
    let Some(_turn) = turn() else { return };
    if in_vm() {
        println!("elsewhere: an emulated CPU has enough to do with a tenth of this");
        return;
    }
    let [in_long, in_short] = RELOADED_EVERY;
    let reloaded_every = if soak_time().is_some() { in_long } else { in_short };
    let receiver = Receiver::start();
    let config = |(added, interval, _): (&str, &str, bool)| {
        format!(
            "kubernetes: {{source: off}}\n\
             limits: {{slots: 256, linger: 10s, label_sets_per_metric: 100000, label_sets: 1000000}}\n\
             otlp: {{endpoints: [{{url: 'http://{}', compression: none}}], interval: {interval}}}\n{added}\n",
            receiver.address
        )
    };
    let exporter = Exporter::start(&config(BASE));
    let mut nest = Nest::default();
    let mut crowd = Crowd::paced(&mut nest, BATCH, EVERY);
    let mut scraper = Scraper { exporter: &exporter, seen: Seen::only(&METRICS), scrapes: 0 };
    scraper.look();
    let (sums, used) = (Sums::of(&scraper.seen), crowd.used());
    let begin = Instant::now();
    crowd.start();
    let mut sizes = Vec::new();
    let mut reloads = 0;
    // Twice at least: what is there after the first round may still be growing.
    while sizes.len() < 2 || begin.elapsed() < soak_time().unwrap_or_default() {
        for round in CONFIGS {
            exporter.begin_reload(&config(round));
            reloads += 1;
            let next = Instant::now() + reloaded_every;
            let mut scrape = scraper.look();
            let is_read =
                |scrape: &Scrape| scrape.sum("kernel_exporter_config_reloads_total", &[]) == reloads;
            while Instant::now() < next || !is_read(&scrape) {
                assert!(
                    next.elapsed() < Duration::from_secs(60),
                    "{round:?} is not read:\n{}",
                    exporter.log()
                );
                scrape = scraper.look();
            }
            let is_in_force = scrape.sum("kernel_exporter_config_last_reload_successful", &[]) == 1;
            assert_eq!(is_in_force, round.2, "{round:?}: {}", exporter.log());
            if round == BASE {
                sizes.push(Size::of(&exporter, &scrape));
                println!("after {:?}: {:?}", begin.elapsed(), sizes.last());
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let cgroups = crowd.stop();
    let truth = crowd.used() - used;
    // The last values, and a push that has them.
    (0..3).for_each(|_| drop(scraper.look()));
    let pushed = receiver.requests();
    wait_for("two more pushes", || receiver.requests() > pushed + 1);
    let last = scraper.look();
    println!(
        "in {seconds:.0} s: {cgroups} containers, {:.0} processes/s, {:.1} scrapes/s, {:.2} pushes/s, {reloads} reloads",
        (cgroups * BATCH.processes) as f64 / seconds,
        f64::from(scraper.scrapes) / seconds,
        pushed as f64 / seconds,
    );

    (Sums::of(&scraper.seen) - sums).assert_are(truth);
    for (otlp, prometheus) in
        [("kernel.scheduler.context_switches", METRICS[0]), ("process.context_switches", METRICS[1])]
    {
        assert_eq!(receiver.total(otlp), scraper.seen.total(prometheus, &[]), "{otlp}");
    }
    for nothing in [
        "kernel_exporter_dropped_increments_total",
        "kernel_exporter_backward_values_total",
        "kernel_exporter_otlp_failures_total",
        "kernel_exporter_read_panics_total",
    ] {
        assert_eq!(last.sum(nothing, &[]), 0, "{nothing}");
    }
    let complaints: Vec<String> =
        exporter.log().lines().filter(|line| is_complaint(line)).map(str::to_owned).collect();
    assert_eq!(complaints, [""; 0], "nobody has anything to complain of");
    let early = sizes[0];
    for size in &sizes {
        // The dead wait for the next push, which comes sooner or later.
        size.assert_no_more_than(&early, GROWTH, 2.0);
        // A connection may be about to close; one descriptor per reload would be eight more.
        assert!(size.descriptors <= early.descriptors + 4, "descriptors leak: {early:?}, then {size:?}");
        // Threads for reads and reloads end when they have been idle for some seconds.
        assert!(size.threads <= early.threads + 2, "threads leak: {early:?}, then {size:?}");
    }
}

/// Something to look into, other than the configs that are wrong.
fn is_complaint(line: &str) -> bool {
    (line.contains("ERROR") || line.contains("WARN")) && !line.contains("stays in force")
}
