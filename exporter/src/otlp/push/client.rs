//! Requests to one endpoint, each with a time limit and a typed failure.

use std::{io::Write as _, time::Duration};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use flate2::{Compression as Level, write::GzEncoder};
use hyper::header::{HeaderValue, USER_AGENT};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message as _;
use tokio::time::timeout;

use super::{failure::Failure, grpc::Grpc, http::Http, tls::client_config};
use crate::{
    config::{Compression, Protocol},
    otlp::settings::Destination,
};

/// As we introduce ourselves.
pub(super) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));

/// A connection that nobody answers on is given up after this time, so that the next request finds another.
const SILENCE: Duration = Duration::from_secs(10);

/// How requests leave, in either protocol.
pub(super) type Connection = legacy::Client<HttpsConnector<HttpConnector>, tonic::body::Body>;

/// A request, made once so that every attempt is the same.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) body: Bytes,
    /// Bytes before compression.
    pub(super) size: usize,
    /// Points in it.
    pub(super) points: usize,
    is_gzipped: bool,
}

/// Sends requests to one endpoint.
#[derive(Debug)]
pub struct Client {
    protocol: Speaks,
    timeout: Duration,
    compression: Compression,
}

#[derive(Debug)]
enum Speaks {
    Http(Http),
    Grpc(Grpc),
}

impl Client {
    /// Prepares for requests; connects with the first of them.
    ///
    /// # Errors
    ///
    /// When a file with certificates or a key cannot be used.
    pub fn new(endpoint: &Destination) -> Result<Self> {
        let tls = client_config(&endpoint.tls).with_context(|| format!("otlp endpoint {}", endpoint.url))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(endpoint.timeout));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let mut client = legacy::Client::builder(TokioExecutor::new());
        client
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(SILENCE)
            .http2_keep_alive_timeout(SILENCE);
        let protocol = match endpoint.protocol {
            Protocol::Http => {
                let connector = connector.enable_http1().enable_http2().wrap_connector(tcp);
                Speaks::Http(Http::new(client.build(connector), endpoint))
            }
            Protocol::Grpc => {
                let connector = connector.enable_http2().wrap_connector(tcp);
                Speaks::Grpc(Grpc::new(client.http2_only(true).build(connector), endpoint))
            }
        };
        Ok(Self { protocol, timeout: endpoint.timeout, compression: endpoint.compression })
    }

    /// Writes a request down, so that every attempt is the same. Takes milliseconds.
    pub(super) fn request(&self, message: &ExportMetricsServiceRequest, points: usize) -> Request {
        let body = message.encode_to_vec();
        let size = body.len();
        let is_gzipped = self.writes_gzip();
        let body = if is_gzipped { gzipped(&body) } else { body };
        Request { body: body.into(), size, points, is_gzipped }
    }

    /// The library for gRPC compresses by itself.
    fn writes_gzip(&self) -> bool {
        matches!((&self.protocol, self.compression), (Speaks::Http(_), Compression::Gzip))
    }

    /// Whether a request that another client wrote down can be sent by this one.
    pub(super) fn can_send(&self, request: &Request) -> bool {
        request.is_gzipped == self.writes_gzip()
    }

    /// Sends a request once.
    pub(super) async fn send(&self, request: &Request) -> Result<ExportMetricsServiceResponse, Failure> {
        let body = request.body.clone();
        let answer = async {
            match &self.protocol {
                Speaks::Http(http) => http.send(body).await,
                Speaks::Grpc(grpc) => grpc.send(body).await,
            }
        };
        timeout(self.timeout, answer).await.unwrap_or_else(|_| Err(Failure::timeout(self.timeout)))
    }
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    // Metrics repeat themselves: even the fast level makes a small part of them.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Level::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("a vector takes every byte")
}

/// The endpoint's own headers, and who we are unless they say otherwise.
pub(super) fn add_headers(to: &mut hyper::HeaderMap, endpoint: &crate::config::Headers) {
    to.insert(USER_AGENT, AGENT);
    for (name, value) in endpoint.iter() {
        to.insert(name.clone(), value.clone());
    }
}
