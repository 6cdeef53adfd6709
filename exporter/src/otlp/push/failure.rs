//! What can go wrong with a request, and what to do about it.

use std::{fmt, time::Duration};

/// Why a request failed: a closed list, for a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No connection.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke, or what came was no answer.
    Broken,
    /// The endpoint asks for less.
    Throttled,
    /// The endpoint, or what is behind it, is not there.
    Unavailable,
    /// The endpoint doesn't know or want us.
    Denied,
    /// The endpoint doesn't want what it was sent, whatever we do.
    Rejected,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Connect,
        Self::Timeout,
        Self::Broken,
        Self::Throttled,
        Self::Unavailable,
        Self::Denied,
        Self::Rejected,
    ];

    /// As the metric says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
        }
    }
}

/// The longest wait that an endpoint may ask for: one that asks for more is asked again after this time, so
/// that a slip of its clock or configuration does not end the pushes for good.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not with this request: the protocol forbids it.
    Never,
    /// After a while.
    Backoff,
    /// Not before the endpoint said; an hour at most.
    After(Duration),
}

impl Retry {
    /// As the protocol and the endpoint have it.
    pub(super) fn of(may_retry: bool, asked: Option<Duration>) -> Self {
        match asked {
            _ if !may_retry => Self::Never,
            Some(asked) => Self::After(asked.min(LONGEST_ASKED)),
            None => Self::Backoff,
        }
    }
}

/// A request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// The same for people.
    pub message: String,
    /// When to try again.
    pub retry: Retry,
    /// Whether the endpoint may have recorded it all the same.
    pub may_have_arrived: bool,
}

impl Failure {
    /// No answer within this time.
    pub(super) fn timeout(after: Duration) -> Self {
        Self {
            reason: Reason::Timeout,
            message: format!("no answer within {after:?}"),
            retry: Retry::Backoff,
            may_have_arrived: true,
        }
    }

    /// The request did not leave, or its answer did not come.
    pub(super) fn transport(error: &(dyn std::error::Error + 'static)) -> Self {
        let chain = std::iter::successors(Some(error), |error| error.source());
        let not_sent = chain.clone().any(|error| {
            error
                .downcast_ref::<hyper_util::client::legacy::Error>()
                .is_some_and(hyper_util::client::legacy::Error::is_connect)
        });
        let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
        texts.dedup();
        Self {
            reason: if not_sent { Reason::Connect } else { Reason::Broken },
            message: texts.join(": "),
            retry: Retry::Backoff,
            may_have_arrived: !not_sent,
        }
    }
}

/// What an endpoint says in its own words, on one line and not too long.
pub(super) fn quoted(text: &[u8]) -> String {
    const ENOUGH: usize = 200;
    let text = String::from_utf8_lossy(text);
    text.trim().chars().take(ENOUGH).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
