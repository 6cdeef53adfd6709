//! A token bucket.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::web_config::RateLimit;

/// Lets requests through as long as there are tokens. Kept as one moment, at which the bucket will be full
/// again.
pub(super) struct RateLimiter {
    limit: RateLimit,
    full: Mutex<Instant>,
}

impl RateLimiter {
    /// A full bucket.
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, full: Mutex::new(Instant::now()) }
    }

    pub(super) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Takes a token, if there is one.
    pub(super) fn admits(&self) -> bool {
        let now = Instant::now();
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*full).max(now) + self.limit.interval;
        let is_there = next - now <= self.limit.interval * self.limit.burst;
        if is_there {
            *full = next;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_one_per_interval() {
        let limiter = RateLimiter::new(RateLimit { interval: Duration::from_secs(1), burst: 3 });
        let admitted = || (0..10).filter(|_| limiter.admits()).count();
        assert_eq!(admitted(), 3);
        advance(Duration::from_millis(999)).await;
        assert_eq!(admitted(), 0);
        advance(Duration::from_millis(1)).await;
        assert_eq!(admitted(), 1);
        advance(Duration::from_secs(3600)).await;
        assert_eq!(admitted(), 3, "it never holds more than the burst");
    }
}
