//! What strangers may make the exporter compute.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};

/// Clients that may wait for their turn, or have it. More would wait longer than scrapers do.
const MOST_WAITING: usize = 8;

/// How many of them from the same address, so that one cannot take all places.
const MOST_OF_ONE: usize = 4;

/// After a wrong password nobody has a turn for this many times as long as checking it took: wrong passwords
/// get a quarter of one CPU at most.
const PAUSE: u32 = 3;

/// Lets one at a time through.
pub(super) struct Gate {
    one: Arc<Semaphore>,
    waiting: Arc<Mutex<Vec<IpAddr>>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { one: Arc::new(Semaphore::new(1)), waiting: Arc::default() }
    }
}

impl Gate {
    /// Waits for a turn; `None` when too many wait already.
    pub(super) async fn turn(&self, peer: IpAddr) -> Option<Turn> {
        let place = Place::take(&self.waiting, network(peer))?;
        let permit = Arc::clone(&self.one).acquire_owned().await.expect("the semaphore is never closed");
        Some(Turn { begun: Instant::now(), _permit: permit, _place: place })
    }
}

/// The one turn that there is; over when it is dropped.
pub(super) struct Turn {
    begun: Instant,
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

impl Turn {
    /// Lets others wait before the next turn.
    pub(super) async fn end_slowly(self) {
        sleep(self.begun.elapsed() * PAUSE).await;
    }
}

/// A place among those who wait.
struct Place {
    peer: IpAddr,
    waiting: Arc<Mutex<Vec<IpAddr>>>,
}

impl Place {
    fn take(waiting: &Arc<Mutex<Vec<IpAddr>>>, peer: IpAddr) -> Option<Self> {
        let mut peers = locked(waiting);
        let of_one = peers.iter().filter(|other| **other == peer).count();
        if peers.len() >= MOST_WAITING || of_one >= MOST_OF_ONE {
            return None;
        }
        peers.push(peer);
        Some(Self { peer, waiting: Arc::clone(waiting) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = locked(&self.waiting);
        if let Some(index) = peers.iter().position(|peer| *peer == self.peer) {
            peers.swap_remove(index);
        }
    }
}

fn locked(waiting: &Mutex<Vec<IpAddr>>) -> MutexGuard<'_, Vec<IpAddr>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whom addresses belong to: in IPv6 a host has 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_cannot_take_all_places() {
        let gate = Arc::new(Gate::default());
        let _first = gate.turn(peer("2001:db8::1")).await.expect("nobody else is here");
        let wait = |text: &str| {
            let (gate, peer) = (Arc::clone(&gate), peer(text));
            tokio::spawn(async move { gate.turn(peer).await.is_some() })
        };
        let mut waiting: Vec<_> = (0..10).map(|n| wait(&format!("2001:db8::{n}"))).collect();
        tokio::task::yield_now().await;
        waiting.retain(|task| !task.is_finished());
        assert_eq!(waiting.len(), MOST_OF_ONE - 1, "and one has the turn");
        waiting.extend((0..40).map(|n| wait(&format!("192.0.2.{n}"))));
        tokio::task::yield_now().await;
        waiting.retain(|task| !task.is_finished());
        assert_eq!(waiting.len(), MOST_WAITING - 1);
        waiting.into_iter().for_each(|task| task.abort());
        tokio::task::yield_now().await;
        assert_eq!(locked(&gate.waiting).len(), 1, "who goes away leaves the place");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_password_makes_others_wait() {
        let gate = Gate::default();
        let turn = gate.turn(peer("192.0.2.1")).await.expect("nobody else is here");
        sleep(Duration::from_millis(100)).await;
        tokio::spawn(turn.end_slowly());
        let soon = timeout(Duration::from_millis(299), gate.turn(peer("192.0.2.2"))).await;
        assert!(soon.is_err());
        let then = timeout(Duration::from_millis(2), gate.turn(peer("192.0.2.2"))).await;
        assert!(then.is_ok_and(|turn| turn.is_some()));
    }
}
