//! OTLP over HTTP, with protobuf.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;

use super::{
    client::{Connection, add_headers},
    failure::{Failure, Reason, Retry, quoted},
    grpc::Explained,
};
use crate::{config::Compression, otlp::settings::Destination};

/// The longest answer that is read. A good one has a few bytes, a bad one a sentence.
const LONGEST_ANSWER: usize = 64 << 10;

/// Sends to one URL.
#[derive(Debug)]
pub(super) struct Http {
    connection: Connection,
    uri: Uri,
    headers: HeaderMap,
}

impl Http {
    pub(super) fn new(connection: Connection, endpoint: &Destination) -> Self {
        let mut headers = HeaderMap::new();
        add_headers(&mut headers, &endpoint.headers);
        // Without a parameter: Prometheus refuses what is not exactly this.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if endpoint.compression == Compression::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Self { connection, uri: endpoint.url.uri().clone(), headers }
    }

    pub(super) async fn send(&self, body: Bytes) -> Result<ExportMetricsServiceResponse, Failure> {
        let mut request = Request::new(tonic::body::Body::new(Full::new(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let answer = self.connection.request(request).await.map_err(|error| Failure::transport(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        answered_over_http(head.status, &head.headers, &body)
    }
}

/// What an answer over HTTP means, whoever wrote it. Public for fuzzing.
///
/// # Errors
///
/// When it says that the request was not taken, or that nobody knows.
pub fn answered_over_http(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<ExportMetricsServiceResponse, Failure> {
    if status.is_success() {
        // It was taken, whatever the answer says else.
        return Ok(ExportMetricsServiceResponse::decode(body).unwrap_or_default());
    }
    Err(refused(status, headers, body))
}

/// What a status says, and the rest of the answer.
fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let (reason, may_retry) = match status {
        StatusCode::TOO_MANY_REQUESTS => (Reason::Throttled, true),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            (Reason::Unavailable, true)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (Reason::Denied, false),
        status if status.is_server_error() => (Reason::Unavailable, false),
        _ => (Reason::Rejected, false),
    };
    let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry = Retry::of(may_retry, after.and_then(|after| wait(after.trim(), SystemTime::now())));
    // The protocol asks for a status message here; proxies answer in plain text.
    let explanation = match Explained::decode(body) {
        Ok(Explained { message, .. }) if !message.is_empty() => quoted(message.as_bytes()),
        _ => quoted(body),
    };
    let colon = if explanation.is_empty() { "" } else { ": " };
    Failure {
        reason,
        message: format!("{status}{colon}{explanation}"),
        retry,
        // A proxy does not know what became of the request behind it.
        may_have_arrived: matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT),
    }
}

/// `Retry-After`: seconds, or a date.
fn wait(after: &str, now: SystemTime) -> Option<Duration> {
    match after.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(after).ok()?.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, after: Option<&'static str>, body: &[u8]) -> Failure {
        let headers = after.map(|after| (RETRY_AFTER, HeaderValue::from_static(after)));
        refused(StatusCode::from_u16(status).expect("a status"), &headers.into_iter().collect(), body)
    }

    #[test]
    fn only_four_statuses_may_be_retried() {
        for status in 300..600 {
            let retry = failure(status, None, b"").retry;
            let expected = if [429, 502, 503, 504].contains(&status) { Retry::Backoff } else { Retry::Never };
            assert_eq!(retry, expected, "{status}");
        }
        assert_eq!(failure(503, Some("7"), b"").retry, Retry::After(Duration::from_secs(7)));
        assert_eq!(failure(503, Some("soon"), b"").retry, Retry::Backoff);
        assert_eq!(failure(503, Some(" 7 "), b"").retry, Retry::After(Duration::from_secs(7)));
        assert_eq!(failure(400, Some("7"), b"").retry, Retry::Never);
        for for_ever in ["18446744073709551615", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            let hour = Retry::After(Duration::from_secs(3_600));
            assert_eq!(failure(503, Some(for_ever), b"").retry, hour, "{for_ever}");
        }
    }

    #[test]
    fn dates_are_waited_for() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:40 GMT", now), Some(Duration::from_secs(3)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:30 GMT", now), Some(Duration::ZERO));
    }

    #[test]
    fn says_what_the_endpoint_said() {
        let explained = Explained { code: 3, message: "bad\npoint".to_owned(), details: Vec::new() };
        assert_eq!(failure(400, None, &explained.encode_to_vec()).message, "400 Bad Request: bad point");
        assert_eq!(failure(404, None, b"no such page\n").message, "404 Not Found: no such page");
        assert_eq!(failure(503, None, b"").message, "503 Service Unavailable");
    }
}
