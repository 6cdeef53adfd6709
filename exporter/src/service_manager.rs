//! The service manager: its socket, and what it is told. systemd's protocol, which others speak too.
//!
//! Without a service manager nothing here does anything: it says by the environment what it wants to hear.

use std::{
    future::Future,
    io,
    net::TcpListener,
    os::fd::{FromRawFd as _, OwnedFd},
    time::Duration,
};

use sd_notify::NotifyState;
use socket2::{Domain, SockRef, Type};
use tokio::time::timeout;

/// Why a socket of the service manager's cannot be served on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// More than one.
    #[error(
        "the service manager passed {0} sockets, of which one can be used: keep one ListenStream= in the socket unit"
    )]
    TooMany(usize),
    /// Not a TCP socket that listens.
    #[error(
        "the service manager passed a socket that is {0}: the socket unit needs ListenStream=ADDRESS:PORT and Accept=no"
    )]
    Unfit(&'static str),
    /// What should tell about sockets makes no sense, or they cannot be looked at.
    #[error("cannot take the service manager's socket: {0}")]
    Io(#[from] io::Error),
}

/// The socket that the service manager listens on for us, if there is one. To be called once: it is taken.
///
/// # Errors
///
/// When there is something else than one listening TCP socket.
pub fn listener() -> Result<Option<TcpListener>, SocketError> {
    let mut descriptors = sd_notify::listen_fds()?;
    let count = descriptors.len();
    let Some(descriptor) = descriptors.next() else { return Ok(None) };
    if count > 1 {
        return Err(SocketError::TooMany(count));
    }
    // SAFETY: by the protocol it is open and meant for this process, and nobody else here takes it.
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let looked_at = SockRef::from(&socket);
    let is_inet = matches!(looked_at.domain()?, Domain::IPV4 | Domain::IPV6);
    if !is_inet || looked_at.r#type()? != Type::STREAM {
        return Err(SocketError::Unfit("no TCP socket"));
    }
    if !looked_at.is_listener()? {
        return Err(SocketError::Unfit("a connection"));
    }
    looked_at.set_nonblocking(true)?;
    Ok(Some(TcpListener::from(socket)))
}

/// The exporter serves, and its config is in force; `status` is what `systemctl status` shows.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The config is being read again. [`ready`] has to follow, also when the old config stays in force.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager is not told of the reload"),
    }
}

/// The exporter is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("ending")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told how it goes");
    }
}

/// Says that the exporter is [`ready`] once the first read is done, then that it is alive for as long as reads
/// succeed, if the service manager wants to know. `read` reads the maps and tells whether that went well.
///
/// Never ends if there is a watchdog.
pub async fn attend<Read: Future<Output = bool>>(read: impl FnMut() -> Read, status: impl Fn() -> String) {
    let say = |state: NotifyState<'_>| match state {
        NotifyState::Ready => ready(&status()),
        state => tell(&[state]),
    };
    attend_by(read, say, sd_notify::watchdog_enabled()).await;
}

async fn attend_by<Read: Future<Output = bool>>(
    mut read: impl FnMut() -> Read,
    say: impl Fn(NotifyState<'_>),
    watchdog: Option<Duration>,
) {
    // Whatever became of the read: it has ended, and scrapes are answered.
    read().await;
    say(NotifyState::Ready);
    let Some(limit) = watchdog else { return };
    // sd_watchdog_enabled(3) recommends half of the limit.
    let mut ticks = tokio::time::interval(limit / 2);
    loop {
        ticks.tick().await;
        if timeout(limit / 2, read()).await.unwrap_or(false) {
            say(NotifyState::Watchdog);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// What was said within `time`, when reads end as `outcomes` say, the last of them for ever. `None` is a
    /// read that does not end.
    async fn said(time: Duration, watchdog: Option<Duration>, outcomes: &[Option<bool>]) -> Vec<String> {
        let said = Mutex::new(Vec::new());
        let mut outcomes = outcomes.iter().copied();
        let mut last = None;
        let read = || {
            last = outcomes.next().or(last);
            let outcome = last.expect("at least one");
            async move {
                match outcome {
                    Some(went_well) => went_well,
                    None => std::future::pending().await,
                }
            }
        };
        let say = |state: NotifyState<'_>| {
            said.lock().unwrap_or_else(PoisonError::into_inner).push(state.to_string());
        };
        let _ = timeout(time, attend_by(read, say, watchdog)).await;
        said.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    const LIMIT: Option<Duration> = Some(Duration::from_secs(10));
    const A_WHILE: Duration = Duration::from_secs(19);

    #[tokio::test(start_paused = true)]
    async fn ready_after_the_first_read_whatever_its_outcome() {
        assert_eq!(said(A_WHILE, None, &[Some(true)]).await, ["READY=1"]);
        assert_eq!(said(A_WHILE, None, &[Some(false)]).await, ["READY=1"]);
        assert!(said(A_WHILE, None, &[None]).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn alive_only_while_reads_succeed() {
        let alive = ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"];
        assert_eq!(said(A_WHILE, LIMIT, &[Some(true)]).await, alive);
        assert_eq!(said(A_WHILE, LIMIT, &[Some(true), Some(false)]).await, alive[..1]);
        assert_eq!(
            said(A_WHILE, LIMIT, &[Some(true), Some(true), Some(false), Some(true)]).await,
            alive[..4]
        );
        assert_eq!(said(A_WHILE, LIMIT, &[Some(true), Some(true), None]).await, alive[..2]);
    }
}
