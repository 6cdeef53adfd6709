//! Memory that is short: stalls, victims, page faults and the page cache.

mod faults;
mod oom;
mod page_cache;
mod setting;
mod stalls;
mod trace;

use crate::harness::Scrape;

/// Only this collector, so that the others' programs do not disturb; `more` is for its section.
fn config(more: &str) -> String {
    format!("collectors: {{memory: {{by: cgroup{more}}}}}\n")
}

/// Whether the exporter says that this kernel does not let it tell something.
fn is_missing(scrape: &Scrape, lost: &str) -> bool {
    scrape.sum("kernel_exporter_collector_missing_info", &[("collector", "memory"), ("lost", lost)]) == 1
}
