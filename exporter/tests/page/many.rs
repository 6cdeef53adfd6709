//! Ten open pages cost as many reads as one, and no more memory than the history may take.

use std::{fs, thread::sleep, time::Duration};

use crate::{browser::open_or_skip, harness::*};

const PAGES: usize = 10;

/// The most that the history may take, in bytes.
const MOST: u64 = 10_000_000;

/// Seconds for which all pages are open.
const OPEN: u64 = 20;

fn anonymous_memory(exporter: &Exporter) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.pid())).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux 4.5");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[test]
fn ten_pages_share_reads_and_memory_stays_bounded() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let url = format!("http://{}/", exporter.address);
    let before = anonymous_memory(&exporter);
    let browser = open_or_skip!(exporter);
    let first = browser.window();
    let mut windows: Vec<String> = (1..PAGES).map(|_| browser.open_window(&url)).collect();
    windows.push(first);
    for window in &windows {
        browser.go_to(window);
        browser.until("document.querySelectorAll('#heatmaps canvas').length >= 3", Duration::from_secs(60));
    }
    let (between, ()) = exporter.during(|| sleep(Duration::from_secs(OPEN)));
    let reads = between.count("kernel_exporter_reads_total", &[]);
    let requests = between.count("kernel_exporter_live_requests_total", &[]);
    println!("{PAGES} pages in {OPEN} s: {requests} requests, {reads} reads");
    assert!(requests >= OPEN / 2 * PAGES as u64 / 2, "{requests} requests");
    // One every two seconds, and those of the two scrapes.
    assert!(reads <= OPEN / 2 + 4, "{reads} reads");
    let last = exporter.scrape();
    let bytes = last.sum("kernel_exporter_live_history_bytes", &[]);
    let limit = last.sum("kernel_exporter_live_history_limit_bytes", &[]);
    assert!(bytes > 0 && bytes <= limit && limit <= MOST, "{bytes} of {limit} bytes");
    assert_eq!(last.sum("kernel_exporter_live_requests_rejected_total", &[]), 0);
    let grown = anonymous_memory(&exporter).saturating_sub(before);
    println!("the history has {bytes} bytes, the exporter has grown by {grown}");
    assert!(grown < MOST, "{grown} bytes");
    for window in &windows {
        browser.go_to(window);
        browser.until(
            "document.getElementById('state').textContent.startsWith('Live')",
            Duration::from_secs(20),
        );
    }
    assert_eq!(browser.complaints(), [""; 0]);
}
