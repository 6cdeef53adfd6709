//! Scraping often costs neither memory nor file descriptors.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use crate::{
    exporter::Exporter,
    tools::{or_skip, root},
    wire::{OPENMETRICS, PROTOBUF, TEXT},
};

/// A second of scrapes, twenty of them, in all formats, compressed and not, each on a connection of its own.
fn scrape_for_a_second(exporter: &Exporter) {
    let begun = Instant::now();
    for turn in 1..=20 {
        let accept = [TEXT, OPENMETRICS, PROTOBUF][turn % 3];
        let encoding = ["gzip", "identity"][turn % 2];
        let response = exporter.get("/metrics", &[("Accept", accept), ("Accept-Encoding", encoding)]);
        assert_eq!(response.status, 200);
        thread::sleep((Duration::from_millis(50) * turn as u32).saturating_sub(begun.elapsed()));
    }
}

fn descriptors(exporter: &Exporter) -> usize {
    fs::read_dir(format!("/proc/{}/fd", exporter.id())).expect("it lives").count()
}

#[test]
fn scraping_often_leaves_nothing_behind() {
    or_skip!(root());
    let exporter = Exporter::start("");
    // Buffers and the allocator's arenas find their sizes in the first seconds.
    for _ in 0..4 {
        scrape_for_a_second(&exporter);
    }
    let (memory, open) = (exporter.anonymous_memory(), descriptors(&exporter));
    for _ in 0..3 {
        scrape_for_a_second(&exporter);
    }
    let later = exporter.anonymous_memory();
    println!("anonymous memory {} kB, then {} kB", memory >> 10, later >> 10);
    assert!(later < 20 << 20, "{later} bytes");
    assert!(later < memory + (1 << 20), "grew from {memory} to {later} bytes");
    let still_open = descriptors(&exporter);
    assert!(still_open <= open + 1, "from {open} to {still_open} file descriptors"); // one may be closing
}
