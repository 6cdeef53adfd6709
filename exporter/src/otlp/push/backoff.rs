//! How long to wait before the next attempt.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

const LONGEST: Duration = Duration::from_secs(60);

/// Twice as long after every failure, up to a minute, less a random part of up to one half: when a collector
/// comes back, not all nodes come at once.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new(first: Duration) -> Self {
        Self(first)
    }

    /// The time to wait.
    pub(super) fn next(&mut self) -> Duration {
        let longest = self.0;
        self.0 = (longest * 2).min(LONGEST);
        longest - longest.mul_f64(random_part() / 2.0)
    }
}

/// From 0 to 1. The standard library's hash maps are seeded randomly, which is random enough here.
pub(super) fn random_part() -> f64 {
    f64::from(RandomState::new().hash_one(0) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_a_minute_and_never_beyond_its_share() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        for longest in [5_000, 10_000, 20_000, 40_000, 60_000, 60_000] {
            let wait = backoff.next().as_millis();
            assert!((longest / 2..=longest).contains(&wait), "{wait} for {longest}");
        }
    }
}
