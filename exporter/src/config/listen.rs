//! The address to serve on.

use std::{fmt, net::Ipv4Addr, net::SocketAddr, str::FromStr};

use super::{text::Written, with::Pattern};

/// `HOST:PORT`: an IPv4 address, an IPv6 address in brackets or a host name, and a port. With port 0 the
/// kernel picks a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress(String);

impl ListenAddress {
    /// The address as it was written, in the form that sockets resolve.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ListenAddress {
    /// Loopback only: kernel metrics tell much about a machine, so serving them to others is a decision.
    fn default() -> Self {
        Self("127.0.0.1:9985".to_owned())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no address to serve on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenAddressError {
    /// There is no colon with a number behind it.
    #[error("add a port, such as :9985")]
    MissingPort,
    /// The port is no number or too large.
    #[error("the port must be a number from 0 to 65535")]
    BadPort,
    /// Nothing stands before the port.
    #[error("add a host: 127.0.0.1 for this machine only, 0.0.0.0 or [::] for all")]
    MissingHost,
    /// Colons outside brackets.
    #[error("write an IPv6 address in brackets, such as [::1]:9985, and in quotes in YAML")]
    Unbracketed,
    /// Neither an address nor a host name.
    #[error("{0:?} is neither an IP address nor a host name")]
    BadHost(String),
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (host, port) = match text.rsplit_once(':') {
            Some(parts) => parts,
            None if is_number(text) => return Err(ListenAddressError::MissingHost),
            None => return Err(ListenAddressError::MissingPort),
        };
        if host.contains(':') && !host.starts_with('[') {
            return Err(ListenAddressError::Unbracketed);
        }
        if port.is_empty() || port.ends_with(']') {
            return Err(ListenAddressError::MissingPort);
        }
        // `parse` would accept a plus sign.
        if !is_number(port) || port.parse::<u16>().is_err() {
            return Err(ListenAddressError::BadPort);
        }
        if host.is_empty() {
            return Err(ListenAddressError::MissingHost);
        }
        if text.parse::<SocketAddr>().is_ok() || is_host_name(host) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ListenAddressError::BadHost(host.to_owned()))
        }
    }
}

impl Written for ListenAddress {
    const EXPECTED: &'static str = "HOST:PORT, such as 127.0.0.1:9985";
}

impl Pattern for ListenAddress {
    const PATTERN: &'static str = r"^(\[[0-9A-Fa-f:.]+(%[0-9]+)?\]|[A-Za-z0-9_.-]+):0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
}

/// As RFC 1123 has it, with underscores, which resolvers accept. What consists of digits and dots only is
/// meant as an IPv4 address.
fn is_host_name(host: &str) -> bool {
    let numeric = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= 253 && if numeric { host.parse::<Ipv4Addr>().is_ok() } else { host.split('.').all(label) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_addresses_and_host_names() {
        for text in [
            "127.0.0.1:9985",
            "0.0.0.0:0",
            "[::]:9985",
            "[fe80::1]:1",
            "localhost:65535",
            "node-1.example_x:80",
        ] {
            assert_eq!(text.parse::<ListenAddress>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
        let default = ListenAddress::default();
        assert_eq!(default.as_str().parse(), Ok(default));
    }

    #[test]
    fn says_what_is_wrong() {
        let bad = |host: &str| ListenAddressError::BadHost(host.to_owned());
        for (text, error) in [
            ("", ListenAddressError::MissingPort),
            ("9985", ListenAddressError::MissingHost),
            ("localhost", ListenAddressError::MissingPort),
            ("localhost:", ListenAddressError::MissingPort),
            ("[::1]", ListenAddressError::MissingPort),
            (":9985", ListenAddressError::MissingHost),
            ("::1:9985", ListenAddressError::Unbracketed),
            ("localhost:http", ListenAddressError::BadPort),
            ("localhost:65536", ListenAddressError::BadPort),
            ("localhost:+1", ListenAddressError::BadPort),
            ("127.0.0.256:1", bad("127.0.0.256")),
            ("[::g]:1", bad("[::g]")),
            ("a b:1", bad("a b")),
            ("a..b:1", bad("a..b")),
            ("-a:1", bad("-a")),
        ] {
            assert_eq!(text.parse::<ListenAddress>(), Err(error), "{text:?}");
        }
    }
}
