//! How long a scraper waits.

use std::time::Duration;

use axum::http::HeaderMap;

/// Prometheus sends its scrape timeout, in seconds.
const HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// The answer that it took too long must still arrive in time, as other exporters do it.
const OFFSET: Duration = Duration::from_millis(500);

/// How long a scraper may be kept waiting, by its own word. `None` when it says nothing, or nothing that
/// makes sense.
pub(super) fn patience(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(HEADER)?.to_str().ok()?.trim().parse().ok()?;
    let timeout = Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero())?;
    Some(timeout - OFFSET.min(timeout / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_cut_a_little_and_garbage_is_ignored() {
        let milliseconds = |value: &[u8]| {
            let value = axum::http::HeaderValue::from_bytes(value).expect("a header");
            patience(&HeaderMap::from_iter([(HEADER.parse().expect("a name"), value)]))
                .map(|time| time.as_millis())
        };
        assert_eq!(patience(&HeaderMap::new()), None);
        for (value, expected) in
            [("10", 9500), ("10.000000", 9500), ("1", 750), ("0.1", 75), (" 2 ", 1500), ("1e1", 9500)]
        {
            assert_eq!(milliseconds(value.as_bytes()), Some(expected), "{value}");
        }
        for value in ["", "0", "-1", "nan", "inf", "1e99", "10s", "ten", "1,5"] {
            assert_eq!(milliseconds(value.as_bytes()), None, "{value}");
        }
        assert_eq!(milliseconds(b"\xff"), None);
    }
}
