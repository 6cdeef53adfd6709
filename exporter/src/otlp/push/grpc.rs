//! OTLP over gRPC.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use hyper::{HeaderMap, http::uri::PathAndQuery};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;
use tonic::{
    Code, Status,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
};

use super::{
    client::{Connection, add_headers},
    failure::{Failure, Reason, Retry, quoted},
};
use crate::{config::Compression, otlp::settings::Destination};

const METHOD: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Calls one service.
#[derive(Debug)]
pub(super) struct Grpc {
    service: tonic::client::Grpc<Connection>,
    headers: HeaderMap,
}

impl Grpc {
    pub(super) fn new(connection: Connection, endpoint: &Destination) -> Self {
        // Collectors compress their answers when requests are compressed, asked for or not.
        let mut service = tonic::client::Grpc::with_origin(connection, endpoint.url.uri().clone())
            .accept_compressed(CompressionEncoding::Gzip);
        if endpoint.compression == Compression::Gzip {
            service = service.send_compressed(CompressionEncoding::Gzip);
        }
        let mut headers = HeaderMap::new();
        add_headers(&mut headers, &endpoint.headers);
        Self { service, headers }
    }

    pub(super) async fn send(&self, body: Bytes) -> Result<ExportMetricsServiceResponse, Failure> {
        let mut service = self.service.clone();
        service.ready().await.map_err(|error| Failure::transport(&error))?;
        let mut request = tonic::Request::new(body);
        *request.metadata_mut() = MetadataMap::from_headers(self.headers.clone());
        let answer = service.unary(request, PathAndQuery::from_static(METHOD), Written).await;
        answer.map(tonic::Response::into_inner).map_err(|status| refused(&status))
    }
}

/// A request that is written down already, and a response that has to be read.
struct Written;

impl Codec for Written {
    type Encode = Bytes;
    type Decode = ExportMetricsServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Written {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, request: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(request);
        Ok(())
    }
}

impl Decoder for Written {
    type Item = ExportMetricsServiceResponse;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        // It was taken, whatever the answer says else.
        Ok(Some(ExportMetricsServiceResponse::decode(bytes).unwrap_or_default()))
    }
}

/// What a status says. A status that was made here, of an error, has that as its source.
fn refused(status: &Status) -> Failure {
    match std::error::Error::source(status) {
        Some(error) => Failure::transport(error),
        None => refused_over_grpc(status.code(), status.message(), status.details()),
    }
}

/// What a status from an endpoint means, whoever wrote it: its code, its message, and a `google.rpc.Status` as
/// bytes. Public for fuzzing.
pub fn refused_over_grpc(code: Code, message: &str, details: &[u8]) -> Failure {
    let wait = retry_delay(details);
    let (reason, may_retry) = match code {
        Code::ResourceExhausted => (Reason::Throttled, wait.is_some()),
        Code::Unavailable | Code::Aborted => (Reason::Unavailable, true),
        Code::DeadlineExceeded | Code::Cancelled => (Reason::Timeout, true),
        Code::OutOfRange | Code::DataLoss => (Reason::Rejected, true),
        Code::Unauthenticated | Code::PermissionDenied => (Reason::Denied, false),
        Code::Unknown => (Reason::Broken, false),
        Code::Internal => (Reason::Unavailable, false),
        _ => (Reason::Rejected, false),
    };
    Failure {
        reason,
        message: format!("{code:?}: {}", quoted(message.as_bytes())),
        retry: Retry::of(may_retry, wait),
        // Of these the endpoint itself does not know what became of the request.
        may_have_arrived: matches!(
            code,
            Code::DeadlineExceeded | Code::Cancelled | Code::DataLoss | Code::Unknown
        ),
    }
}

/// `google.rpc.Status`, which also is what HTTP answers with.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Explained {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, Copy, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// How long the endpoint asks us to wait.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let explained = Explained::decode(details).ok()?;
    let info = explained.details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.retry_delay?;
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking_for(seconds: i64) -> Bytes {
        let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos: 500_000_000 }) };
        let detail = Detail {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: info.encode_to_vec(),
        };
        Explained { code: 8, message: String::new(), details: vec![detail] }.encode_to_vec().into()
    }

    #[test]
    fn only_what_the_protocol_lists_is_retried() {
        let retried = [
            Code::Cancelled,
            Code::DeadlineExceeded,
            Code::Aborted,
            Code::OutOfRange,
            Code::Unavailable,
            Code::DataLoss,
        ];
        for code in (1..=16).map(Code::from) {
            let expected = if retried.contains(&code) { Retry::Backoff } else { Retry::Never };
            assert_eq!(refused(&Status::new(code, "")).retry, expected, "{code:?}");
        }
    }

    #[test]
    fn endpoints_say_how_long_to_wait() {
        let asked = Retry::After(Duration::from_millis(2_500));
        for code in [Code::ResourceExhausted, Code::Unavailable] {
            assert_eq!(refused(&Status::with_details(code, "", asking_for(2))).retry, asked, "{code:?}");
        }
        assert_eq!(
            refused(&Status::with_details(Code::InvalidArgument, "", asking_for(2))).retry,
            Retry::Never
        );
        let hour = Retry::After(Duration::from_secs(3_600));
        assert_eq!(refused(&Status::with_details(Code::Unavailable, "", asking_for(i64::MAX))).retry, hour);
        assert_eq!(retry_delay(&asking_for(-1)), None);
        assert_eq!(retry_delay(b"\xff\xff"), None);
    }
}
