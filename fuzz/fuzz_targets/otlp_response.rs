//! Any answer of an OTLP endpoint: a line with the status, a line with `Retry-After` (or gRPC's message), and a body
//! (or gRPC's details). Whatever it is, its meaning is one that the protocol has, and what is kept of it is small.

#![no_main]

use std::time::Duration;

use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use kernel_exporter::otlp::{Failure, Reason, Retry, answered_over_http, refused_over_grpc};
use libfuzzer_sys::fuzz_target;
use tonic::Code;

/// Nobody is silent for longer than this because an endpoint asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let status =
        parts.next().and_then(|line| str::from_utf8(line).ok()?.parse::<u16>().ok()).unwrap_or_default();
    let line = parts.next().unwrap_or_default();
    let body = parts.next().unwrap_or_default();
    over_http(status, line, body);
    over_grpc(status, &String::from_utf8_lossy(line), body);
});

fn over_http(status: u16, retry_after: &[u8], body: &[u8]) {
    let Ok(status) = StatusCode::from_u16(status) else { return };
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(retry_after) {
        headers.insert(RETRY_AFTER, value);
    }
    match answered_over_http(status, &headers, body) {
        Ok(_) => assert!(status.is_success(), "{status} is no success"),
        Err(failure) => {
            assert!(!status.is_success(), "{status}: {failure}");
            is_modest(&failure);
            // "Retryable Response Codes" of the protocol.
            let may_retry = matches!(status.as_u16(), 429 | 502 | 503 | 504);
            assert_eq!(failure.retry != Retry::Never, may_retry, "{status}");
            assert_eq!(failure.reason == Reason::Throttled, status.as_u16() == 429, "{status}");
        }
    }
}

fn over_grpc(number: u16, message: &str, details: &[u8]) {
    let code = Code::from(i32::from(number % 17));
    let failure = refused_over_grpc(code, message, details);
    is_modest(&failure);
    // The protocol's table of gRPC status codes.
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => assert_ne!(failure.retry, Retry::Never, "{code:?}"),
        // Only if it says when.
        Code::ResourceExhausted => assert_ne!(failure.retry, Retry::Backoff),
        _ => assert_eq!(failure.retry, Retry::Never, "{code:?}"),
    }
}

fn is_modest(failure: &Failure) {
    assert!(failure.message.chars().count() <= 300, "{} bytes of message", failure.message.len());
    assert!(!failure.message.contains(char::is_control), "{:?}", failure.message);
    if let Retry::After(wait) = failure.retry {
        assert!(wait <= LONGEST_WAIT, "{wait:?}");
    }
}
