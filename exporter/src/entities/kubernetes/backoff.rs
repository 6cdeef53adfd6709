//! How long to wait before the next attempt.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Twice as long after every failure, up to half a minute, less a random part of up to one half: when an API
/// server comes back, not all nodes come at once.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(SHORTEST)
    }

    /// All is well again: the next wait is the shortest.
    pub(super) fn reset(&mut self) {
        self.0 = SHORTEST;
    }

    /// The time to wait.
    pub(super) fn next(&mut self) -> Duration {
        let longest = self.0;
        self.0 = (longest * 2).min(LONGEST);
        // The standard library's hash maps are seeded randomly, which is random enough here.
        let random = RandomState::new().hash_one(0) as u32;
        longest - longest.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_half_a_minute_and_never_beyond_its_share() {
        let mut backoff = Backoff::new();
        for longest in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let wait = backoff.next().as_millis();
            assert!((longest / 2..=longest).contains(&wait), "{wait} for {longest}");
        }
        backoff.reset();
        assert!(backoff.next() <= SHORTEST);
    }

    #[test]
    fn not_everybody_comes_at_once() {
        let waits: std::collections::HashSet<_> = (0..20).map(|_| Backoff::new().next()).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }
}
