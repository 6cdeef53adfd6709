//! `http_server_config.headers`.

use std::{marker::PhantomData, str::FromStr};

use hyper::header::{self, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::config::{Written, parsed};

/// Headers of all responses, in place of the server's own ones of the same names. What is empty is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResponseHeaders {
    /// What browsers may load.
    #[serde(rename = "Content-Security-Policy", deserialize_with = "parsed")]
    content_security_policy: Value<Any>,
    /// Whether browsers may show pages in frames.
    #[serde(rename = "X-Frame-Options", deserialize_with = "parsed")]
    x_frame_options: Value<Framing>,
    /// Whether browsers may guess types.
    #[serde(rename = "X-Content-Type-Options", deserialize_with = "parsed")]
    x_content_type_options: Value<Sniffing>,
    /// What old browsers do about scripts in URLs.
    #[serde(rename = "X-XSS-Protection", deserialize_with = "parsed")]
    x_xss_protection: Value<Any>,
    /// For how long browsers insist on TLS.
    #[serde(rename = "Strict-Transport-Security", deserialize_with = "parsed")]
    strict_transport_security: Value<Any>,
}

impl ResponseHeaders {
    /// Those that are set.
    pub fn iter(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let all = [
            (header::CONTENT_SECURITY_POLICY, &self.content_security_policy.value),
            (header::X_FRAME_OPTIONS, &self.x_frame_options.value),
            (header::X_CONTENT_TYPE_OPTIONS, &self.x_content_type_options.value),
            (header::X_XSS_PROTECTION, &self.x_xss_protection.value),
            (header::STRICT_TRANSPORT_SECURITY, &self.strict_transport_security.value),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)))
    }
}

/// The value of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Value<Allowed> {
    value: Option<HeaderValue>,
    allowed: PhantomData<Allowed>,
}

/// Which values a header may have.
trait Allowed {
    /// All of them; without any, everything is allowed.
    const VALUES: &'static [&'static str] = &[];
    /// The same in words.
    const EXPECTED: &'static str;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Any;

impl Allowed for Any {
    const EXPECTED: &'static str = "the value of a header";
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Framing;

impl Allowed for Framing {
    const VALUES: &'static [&'static str] = &["deny", "sameorigin"];
    const EXPECTED: &'static str = "deny or sameorigin";
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sniffing;

impl Allowed for Sniffing {
    const VALUES: &'static [&'static str] = &["nosniff"];
    const EXPECTED: &'static str = "nosniff";
}

impl<A: Allowed> Written for Value<A> {
    const EXPECTED: &'static str = A::EXPECTED;
}

impl<A: Allowed> FromStr for Value<A> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !A::VALUES.is_empty() && !A::VALUES.contains(&text) {
            return Err("this header has no other values");
        }
        let value = HeaderValue::from_str(text).map_err(|_| "a header is a line of printable ASCII")?;
        Ok(Self { value: Some(value).filter(|value| !value.is_empty()), allowed: PhantomData })
    }
}
