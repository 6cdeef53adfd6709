//! How many reads, and whose snapshot.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use tokio::task::JoinSet;

use super::*;
use crate::health::Health;

const SHARE: Duration = Duration::from_millis(50);

fn metrics() -> ReadMetrics {
    Health::new().expect("names are distinct").reads().clone()
}

/// A hub whose nth snapshot was taken n seconds after the epoch, each after a `pause`.
fn counting(pause: Duration) -> (Arc<Hub>, Arc<AtomicU64>) {
    let reads = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&reads);
    let read = move || {
        thread::sleep(pause);
        Snapshot::empty(
            SystemTime::UNIX_EPOCH + Duration::from_secs(1 + counter.fetch_add(1, Ordering::SeqCst)),
        )
    };
    (Arc::new(Hub::new(read, SHARE, metrics())), reads)
}

fn number(snapshot: Arc<Snapshot>) -> u64 {
    snapshot.taken.duration_since(SystemTime::UNIX_EPOCH).expect("after the epoch").as_secs()
}

#[tokio::test]
async fn ten_scrapers_at_once_cost_one_read() {
    let (hub, reads) = counting(Duration::from_millis(20));
    let mut scrapers = JoinSet::new();
    for _ in 0..10 {
        let hub = Arc::clone(&hub);
        scrapers.spawn(async move { hub.fresh().await.taken });
    }
    assert_eq!(scrapers.join_all().await, [SystemTime::UNIX_EPOCH + Duration::from_secs(1); 10]);
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn sharing_ends() {
    let (hub, _) = counting(Duration::ZERO);
    assert!(hub.latest().is_none());
    assert_eq!(number(hub.fresh().await), 1);
    assert_eq!(number(hub.fresh().await), 1, "within the shared time");
    tokio::time::sleep(SHARE + Duration::from_millis(10)).await;
    assert_eq!(number(hub.fresh().await), 2, "every later scrape reads");
    assert_eq!(number(hub.latest().expect("there was a read")), 2);
}

#[tokio::test(start_paused = true)]
async fn who_is_content_with_an_older_one_shares_it() {
    let (hub, _) = counting(Duration::ZERO);
    assert_eq!(number(hub.fresh().await), 1);
    let recent = async |age| number(hub.with_recent(age, |snapshot| snapshot).await.expect("no panic"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(recent(Duration::from_secs(2)).await, 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(recent(Duration::from_secs(2)).await, 2);
}

#[tokio::test]
async fn the_observer_has_every_snapshot_before_anybody_else() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let observer = move |snapshot: &Arc<Snapshot>| log.lock().expect("no panic").push(Arc::clone(snapshot));
    let hub = Hub::observed(|| Snapshot::empty(SystemTime::now()), Duration::ZERO, metrics(), observer);
    for count in 1..=3 {
        let snapshot = hub.fresh().await;
        let seen = seen.lock().expect("no panic");
        assert_eq!(seen.len(), count);
        assert!(seen.last().is_some_and(|last| Arc::ptr_eq(last, &snapshot)));
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_its_read_to_the_next() {
    let (hub, reads) = counting(Duration::from_millis(80));
    let impatient = tokio::time::timeout(Duration::from_millis(10), hub.fresh()).await;
    assert!(impatient.is_err());
    assert_eq!(number(hub.fresh().await), 1);
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_panic_is_counted_and_the_snapshot_before_it_served() {
    let mut reads = 0;
    let read = move || {
        reads += 1;
        assert_ne!(reads, 2, "this panic is part of the test");
        Snapshot::empty(SystemTime::UNIX_EPOCH + Duration::from_secs(reads))
    };
    let metrics = metrics();
    let hub = Hub::new(read, Duration::ZERO, metrics.clone());
    assert_eq!(number(hub.fresh().await), 1);
    assert_eq!((metrics.panics.get(), metrics.stale.get()), (0, 0));
    assert_eq!(number(hub.fresh().await), 1, "the previous snapshot");
    assert_eq!((metrics.panics.get(), metrics.stale.get()), (1, 1));
    assert_eq!(number(hub.fresh().await), 3, "the exporter lives on");
    assert_eq!((metrics.panics.get(), metrics.stale.get()), (1, 0));
    assert_eq!((metrics.total.get(), metrics.duration.get_sample_count()), (3, 3));
}

#[tokio::test]
async fn a_panic_in_the_first_read_gives_an_empty_snapshot() {
    let hub = Hub::new(|| panic!("this panic is part of the test"), SHARE, metrics());
    assert!(hub.fresh().await.families.is_empty());
    assert!(hub.latest().is_none(), "so that the exporter is not ready");
}

#[tokio::test(start_paused = true)]
async fn the_periodic_read_waits_for_scrapes() {
    let (hub, reads) = counting(Duration::ZERO);
    let background = Arc::clone(&hub);
    let (period, changed) = watch::channel(Duration::from_millis(300));
    let periodic = tokio::spawn(async move { background.run(changed).await });
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        hub.fresh().await;
    }
    assert_eq!(reads.load(Ordering::SeqCst), 9, "the first read, then scrapes only");
    tokio::time::sleep(Duration::from_millis(750)).await;
    assert_eq!(reads.load(Ordering::SeqCst), 11, "nobody scraped");
    period.send_replace(Duration::from_millis(100));
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(reads.load(Ordering::SeqCst), 15, "at once, and then more often");
    drop(period);
    periodic.await.expect("it ends");
}
