//! Native and classic histograms, as a Prometheus has them after scraping a real exporter.

use std::{
    hint,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use crate::{
    exporter::Exporter,
    server::{PROTOBUF, Prometheus, TEXT, number},
    tools::{or_skip, prometheus_tool, root},
};

const LATENCY: &str = "kernel_scheduler_run_queue_latency_seconds";

/// All histograms of the scheduler, which are those that always have samples.
const HISTOGRAMS: [&str; 3] =
    [LATENCY, "kernel_scheduler_on_cpu_duration_seconds", "kernel_scheduler_off_cpu_duration_seconds"];

/// The first bound of classic histograms by default. Below it they know nothing.
const FIRST_BOUND: f64 = 1.0 / (1 << 20) as f64;

#[test]
fn native_and_classic_histograms_tell_the_same() {
    or_skip!(root());
    let program = or_skip!(prometheus_tool("prometheus"));
    let exporter = Exporter::start("");
    let prometheus = Prometheus::start(&program, exporter.address(), &[TEXT, PROTOBUF]);
    let work = Workload::start();
    thread::sleep(Duration::from_secs(12));
    let now = seconds_since_epoch();
    drop(work);

    prometheus.assert_content(2);
    for quantile in [0.5, 0.99] {
        let native = format!("histogram_quantile({quantile}, sum(rate({LATENCY}{{job='protobuf'}}[10s])))");
        let native = prometheus.value_at(&native, now).max(FIRST_BOUND);
        for job in ["protobuf", "text"] {
            let classic = format!(
                "histogram_quantile({quantile}, sum by (le) (rate({LATENCY}_bucket{{job='{job}'}}[10s])))"
            );
            let classic = prometheus.value_at(&classic, now).max(FIRST_BOUND);
            let ratio = native / classic;
            println!("quantile {quantile}: native {native:.3e} s, classic ({job}) {classic:.3e} s");
            assert!((0.5..=2.0).contains(&ratio), "{quantile}: native {native}, classic of {job} {classic}");
        }
    }
    for histogram in HISTOGRAMS {
        counts_agree(&prometheus, histogram, now);
    }
}

/// The count of every native histogram is that of its classic twin, and that of all its buckets.
fn counts_agree(prometheus: &Prometheus, histogram: &str, now: f64) {
    let native = format!("{histogram}{{job='protobuf'}}");
    let all = prometheus.query_at(&native, now);
    let twins = format!("histogram_count({native}) == {histogram}_count{{job='protobuf'}}");
    assert!(!all.is_empty(), "{histogram}: no series");
    assert_eq!(prometheus.query_at(&twins, now).len(), all.len(), "{histogram}: counts differ");
    let sums = format!("histogram_sum({native}) == {histogram}_sum{{job='protobuf'}}");
    assert_eq!(prometheus.query_at(&sums, now).len(), all.len(), "{histogram}: sums differ");
    let mut samples = 0.0;
    for series in all {
        let value = &series["histogram"][1];
        let buckets = value["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let sum: f64 = buckets.iter().map(|bucket| number(&bucket[3])).sum();
        assert_eq!(sum, number(&value["count"]), "{series}");
        samples += sum;
    }
    println!("{histogram}: {samples} samples");
    assert!(samples > 1000.0, "{histogram}: {samples} samples");
}

fn seconds_since_epoch() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// Threads that run and sleep, more of them than there are CPUs, so that some wait.
struct Workload {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Workload {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..4).map(|_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    while begun.elapsed() < Duration::from_micros(300) {
                        hint::spin_loop();
                    }
                    thread::sleep(Duration::from_millis(2));
                }
            })
        });
        Self { threads: threads.collect(), stop }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}
