//! The thread that empties the ring buffer while nobody reads, so that it can be small.

use std::{
    io::{self, PipeWriter},
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use tracing::warn;

use super::{Inbox, lock};

/// The running thread. Dropping it ends the thread and waits for that.
pub(super) struct Listener {
    /// Closing it wakes the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Starts it.
    pub(super) fn start(inbox: Arc<Mutex<Inbox>>) -> io::Result<Self> {
        let (stopped, stop) = io::pipe()?;
        let ring = lock(&inbox).ring.as_fd().try_clone_to_owned()?;
        let thread = thread::Builder::new()
            .name("cgroup-events".to_owned())
            .spawn(move || listen(&inbox, &ring, &stopped.into()))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It failed only if it panicked, which has been printed.
            let _ = thread.join();
        }
    }
}

/// Receives whenever something arrives, until the other end of `stopped` is closed.
fn listen(inbox: &Mutex<Inbox>, ring: &OwnedFd, stopped: &OwnedFd) {
    loop {
        let mut wanted = [PollFd::new(ring, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut wanted, None) {
            Ok(_) if !wanted[1].revents().is_empty() => return,
            Ok(_) => lock(inbox).receive(),
            Err(Errno::INTR) => {}
            Err(error) => {
                warn!("cgroup events are only received when they are read: cannot wait for them: {error}");
                return;
            }
        }
    }
}
