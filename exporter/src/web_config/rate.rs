//! `rate_limit`.

use std::time::Duration;

use serde::{
    Deserialize,
    de::{Deserializer, Error},
};

use super::duration::GoDuration;
use crate::config::{parsed, whole_number};

/// A token bucket for requests: there is room for `burst` of them, and one more after each `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The time that each request takes to be made up for, never zero.
    pub interval: Duration,
    /// Requests that may come at once, at least one.
    pub burst: u32,
}

/// The section as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    #[serde(deserialize_with = "parsed")]
    interval: GoDuration,
    #[serde(deserialize_with = "whole_number::<0, 1_000_000, _, _>")]
    burst: u32,
}

pub(super) fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RateLimit>, D::Error> {
    let Keys { interval: GoDuration(interval), burst } = Keys::deserialize(deserializer)?;
    if interval.is_zero() {
        return Ok(None);
    }
    if burst == 0 {
        return Err(D::Error::custom(
            "with a burst of 0 every request would be refused; let it be 1 or more",
        ));
    }
    Ok(Some(RateLimit { interval, burst }))
}
