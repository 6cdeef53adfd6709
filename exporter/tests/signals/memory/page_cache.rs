//! What reads find in the page cache.

use super::{config, is_missing, setting::*};
use crate::{accuracy::within, harness::*};

const LOOKED_UP: &str = "kernel_page_cache_lookup_pages_total";
const ADDED: &str = "kernel_page_cache_added_pages_total";

/// Pages of a long read are looked up in batches; the end of a read is told with each of them.
#[test]
fn pages_are_looked_up_by_every_read_and_added_by_the_first() {
    const BYTES: usize = 32 * MIB;
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&config(", page_cache: true"));
    let disk = Disk::with(BYTES / MIB);
    let cgroup = Cgroup::make("page-cache");
    let mut worker = Worker::spawn(
        "reads",
        &cgroup,
        || {
            pin(last_cpu());
            // A single page gives away how the kernel tells the end.
            disk.read(PAGE, PAGE);
        },
        |_| disk.read(BYTES, 256 << 10),
    );
    disk.cool();
    let pages = (BYTES / PAGE) as u64;
    let labels = [("cgroup", &*cgroup.path)];
    let (cold, ()) = exporter.during(|| worker.work());
    within(ADDED, "pages read for the first time", cold.count(ADDED, &labels), pages..=pages);
    let (warm, ()) = exporter.during(|| worker.work());
    within(ADDED, "pages read again", warm.count(ADDED, &labels), 0..=0);
    if is_missing(&warm.after, "pages looked up in the page cache") {
        assert_eq!(warm.count(LOOKED_UP, &labels), 0);
        return;
    }
    // Whoever reads on the same CPU in the middle of a read lets a batch be counted twice.
    let truth = pages..=pages + pages / 20;
    within(LOOKED_UP, "pages read for the first time", cold.count(LOOKED_UP, &labels), truth.clone());
    within(LOOKED_UP, "pages read again", warm.count(LOOKED_UP, &labels), truth);
}
