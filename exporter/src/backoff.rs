//! How long to wait before the next attempt.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// Twice as long after every failure, up to a limit, less a random part of up to one half: when a server comes
/// back, not all nodes come at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// From `first` to `longest`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, next: first, longest }
    }

    /// All is well again: the next wait is the shortest.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The time to wait.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.longest);
        whole - whole.mul_f64(random_part() / 2.0)
    }
}

/// From 0 to 1. The standard library's hash maps are seeded randomly, which is random enough here.
pub(crate) fn random_part() -> f64 {
    f64::from(RandomState::new().hash_one(0) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half_a_minute() -> Backoff {
        Backoff::new(Duration::from_millis(500), Duration::from_secs(30))
    }

    #[test]
    fn grows_to_half_a_minute_and_never_beyond_its_share() {
        let mut backoff = half_a_minute();
        for longest in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let wait = backoff.next().as_millis();
            assert!((longest / 2..=longest).contains(&wait), "{wait} for {longest}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(500));
    }

    #[test]
    fn grows_to_a_minute_and_never_beyond_its_share() {
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));
        for longest in [5_000, 10_000, 20_000, 40_000, 60_000, 60_000] {
            let wait = backoff.next().as_millis();
            assert!((longest / 2..=longest).contains(&wait), "{wait} for {longest}");
        }
    }

    #[test]
    fn not_everybody_comes_at_once() {
        let waits: std::collections::HashSet<_> = (0..20).map(|_| half_a_minute().next()).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }
}
