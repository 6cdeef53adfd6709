//! Long runs: whoever comes and goes leaves nothing behind but increments, however the exporter is used.

use std::time::Duration;

mod churn;
mod crowd;
mod operated;
mod receiver;
mod size;

/// For how long, if it is a long run: `make soak` says so in KERNEL_EXPORTER_SOAK_MINUTES.
fn soak_time() -> Option<Duration> {
    let minutes = std::env::var("KERNEL_EXPORTER_SOAK_MINUTES").ok()?;
    Some(Duration::from_secs(60 * minutes.parse::<u64>().expect("a number of minutes")))
}
