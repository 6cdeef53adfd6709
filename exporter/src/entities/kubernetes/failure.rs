//! What can go wrong between here and the API server or the kubelet, and what to do about it.

use std::{error::Error as StdError, fmt, io};

use hyper::StatusCode;

/// Why nothing can be learnt about pods at the moment: a closed list, because it is a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The service account's token, the certificate file or the kubeconfig can't be read or used.
    Credentials,
    /// 403: the service account may not do this.
    Forbidden,
    /// 401: the token is not accepted.
    Unauthorized,
    /// No connection, a broken one, no answer in time, or an answer that says to come back later.
    Unreachable,
    /// The certificates don't fit.
    Tls,
    /// The answer is not what the protocol says.
    BadResponse,
    /// 410: the history since the last event is no longer kept. All pods are listed again.
    Gone,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Credentials,
        Self::Forbidden,
        Self::Unauthorized,
        Self::Unreachable,
        Self::Tls,
        Self::BadResponse,
        Self::Gone,
    ];

    /// The name in metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Forbidden => "forbidden",
            Self::Unauthorized => "unauthorized",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::BadResponse => "bad_response",
            Self::Gone => "gone",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something went wrong.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Something on the way that the token, the certificates or the kubeconfig is to blame for.
    pub(super) fn credentials(error: &(dyn StdError + 'static)) -> Self {
        Self::new(Reason::Credentials, chain(error))
    }

    /// The answer is not what the protocol says.
    pub(super) fn bad_response(message: impl fmt::Display) -> Self {
        Self::new(Reason::BadResponse, message.to_string())
    }

    /// Something on the way to an answer, or while it was read.
    pub(super) fn transport(error: &(dyn StdError + 'static)) -> Self {
        let mut links = std::iter::successors(Some(error), |error| cause(*error));
        let is_tls = links.any(|link| link.is::<rustls::Error>());
        let reason = if is_tls { Reason::Tls } else { Reason::Unreachable };
        Self::new(reason, chain(error))
    }

    /// The server says so, with a status code and perhaps an explanation.
    pub(super) fn status(code: u16, explanation: &str) -> Self {
        let reason = match StatusCode::from_u16(code) {
            Ok(StatusCode::UNAUTHORIZED) => Reason::Unauthorized,
            Ok(StatusCode::FORBIDDEN) => Reason::Forbidden,
            Ok(StatusCode::GONE) => Reason::Gone,
            Ok(StatusCode::TOO_MANY_REQUESTS) => Reason::Unreachable,
            Ok(code) if code.is_server_error() => Reason::Unreachable,
            _ => Reason::BadResponse,
        };
        Self::new(reason, format!("status {code}: {}", shortened(explanation)))
    }
}

/// What an error says, and what its causes say beyond that.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut message = error.to_string();
    let mut next = cause(error);
    while let Some(error) = next {
        let reason = error.to_string();
        if !message.contains(&reason) {
            message = format!("{message}: {reason}");
        }
        next = cause(error);
    }
    shortened(&message)
}

/// [`StdError::source`], but an I/O error's own content is not skipped: rustls' errors travel in there.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// One short line: what servers and proxies explain can be a whole page.
fn shortened(text: &str) -> String {
    const ENOUGH: usize = 300;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ENOUGH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_have_their_reasons() {
        for (code, reason) in [
            (401, Reason::Unauthorized),
            (403, Reason::Forbidden),
            (410, Reason::Gone),
            (429, Reason::Unreachable),
            (500, Reason::Unreachable),
            (503, Reason::Unreachable),
            (404, Reason::BadResponse),
            (0, Reason::BadResponse),
        ] {
            assert_eq!(Failure::status(code, "").reason, reason, "{code}");
        }
    }

    #[test]
    fn a_certificate_is_blamed_wherever_it_is_in_the_chain() {
        let tls = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::NoCertificatesPresented);
        let failure = Failure::transport(&io::Error::other(tls));
        assert_eq!(failure.reason, Reason::Tls, "{failure}");
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(Failure::transport(&refused).reason, Reason::Unreachable);
    }

    #[test]
    fn explanations_stay_on_one_short_line() {
        let failure = Failure::status(404, &"<html>\n".repeat(1000));
        assert!(failure.message.len() < 350 && !failure.message.contains('\n'), "{failure}");
    }
}
