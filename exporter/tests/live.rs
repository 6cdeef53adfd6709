//! The history says how much memory it takes, and takes no more: counted by the allocator itself.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use kernel_exporter::{
    catalogue::{Kind, keys},
    collectors::registry,
    live::{History, Limits},
    snapshot::{Edition, Family, HistogramValue, Labels, Series, Snapshot, Value},
};

/// The system's allocator, which counts.
struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PLACES: u64 = 400;
const BUCKETS: u16 = 120;

/// A snapshot of all metrics there are, in which much has happened to everybody.
fn snapshot(round: u64, edition: Edition, names: &[String]) -> Arc<Snapshot> {
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let labels = |name: &String| Labels::new([(&keys::CGROUP, name.as_str()), (&keys::COMMAND, "worker")]);
    let metrics = registry::descriptions().flat_map(|about| about.metrics);
    let families = metrics.map(|metric| {
        let value = |n: u64| match metric.kind {
            Kind::Counter => Value::Counter(round * (1000 + n)),
            Kind::Gauge => Value::Gauge(n as i64),
            Kind::Durations | Kind::Sizes => Value::Histogram(Arc::new(HistogramValue {
                buckets: (0..BUCKETS).map(|bucket| (bucket + (round % 60) as u16, round * (n + 1))).collect(),
                sum: u128::from(round) * u128::from(1000 + n),
            })),
        };
        let series = names.iter().zip(0..);
        let mut series: Vec<_> =
            series.map(|(name, n)| Series { labels: labels(name), start: begin, value: value(n) }).collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Family { metric, series }
    });
    Arc::new(Snapshot {
        taken: begin + Duration::from_secs(2 * round),
        edition,
        families: families.collect(),
    })
}

#[test]
fn it_takes_no_more_than_it_says_and_may() {
    let limits = Limits { span: Duration::from_secs(600), bytes: 8 << 20, refresh: Duration::from_secs(2) };
    let mut history = History::default();
    let mut edition = Edition::default();
    let mut names: Vec<String> = (0..PLACES).map(|n| format!("/kubepods/pod{n:036}/{n:064}")).collect();
    for round in 1..=330 {
        // Containers come and go, so that others are named in every column.
        names.rotate_left(7);
        names[0] = format!("/kubepods/pod{round:036}/{:064}", round * 1000);
        edition = edition.next();
        history.record(&snapshot(round, edition, &names), limits);
    }
    // What it has of the last snapshot is there anyway: without it, it would have nothing to go on from.
    let columns = history.columns().len();
    let said = history.bytes();
    let with = TAKEN.load(Ordering::Relaxed);
    drop(history);
    let without = TAKEN.load(Ordering::Relaxed);
    let last = {
        let before = TAKEN.load(Ordering::Relaxed);
        let snapshot = snapshot(330, edition, &names);
        let size = TAKEN.load(Ordering::Relaxed) - before;
        drop(snapshot);
        size
    };
    let took = with - without - last;
    println!("{columns} columns take {took} bytes, and it says {said}");
    assert_eq!(columns, 300, "ten minutes fit");
    assert!(took <= said, "{took} bytes, and it says {said}");
    assert!(said <= limits.bytes && limits.bytes < 10_000_000, "{said} bytes");
    assert!(took > said / 2, "{took} bytes, and it says {said}");
}
