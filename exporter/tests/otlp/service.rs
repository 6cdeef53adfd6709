//! The receiver's two protocols. A service ends with all its connections when it is dropped.

use std::{collections::BTreeMap, convert::Infallible, io::Read as _, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use kernel_exporter::config::Protocol;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    metrics_service_server::{MetricsService, MetricsServiceServer},
};
use prost::Message as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime::Runtime,
};
use tokio_rustls::TlsAcceptor;
use tonic::{
    Code, Status,
    codec::CompressionEncoding,
    transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

use super::{
    receiver::{Answer, Shared},
    tls::Authority,
};

/// A receiver that runs.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    /// Always there, until it is dropped.
    runtime: Option<Runtime>,
}

impl Service {
    /// Listens on the loopback, on this port or any.
    pub(crate) fn start(
        protocol: Protocol,
        port: u16,
        shared: &Arc<Shared>,
        tls: Option<&Authority>,
    ) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port))).expect("a port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::clone(shared);
        match protocol {
            Protocol::Grpc => runtime.spawn(serve_grpc(listener, shared, tls.map(Authority::grpc))),
            Protocol::Http => runtime.spawn(serve_http(listener, shared, tls.map(Authority::http))),
        };
        Self { address, runtime: Some(runtime) }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

struct Grpc(Arc<Shared>);

async fn serve_grpc(listener: TcpListener, shared: Arc<Shared>, tls: Option<(Identity, Certificate)>) {
    let service = MetricsServiceServer::new(Grpc(shared))
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip);
    let mut server = Server::builder();
    if let Some((identity, clients)) = tls {
        let tls = ServerTlsConfig::new().identity(identity).client_ca_root(clients);
        server = server.tls_config(tls).expect("valid");
    }
    let served = server.add_service(service).serve_with_incoming(TcpIncoming::from(listener)).await;
    served.expect("a server");
}

#[tonic::async_trait]
impl MetricsService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let length = message.encoded_len();
        match self.0.take(message, length, texts(&metadata.into_headers())) {
            Answer::Accept => Ok(tonic::Response::new(ExportMetricsServiceResponse::default())),
            Answer::AcceptBut(rejected) => Ok(tonic::Response::new(partial(rejected))),
            Answer::Unavailable => Err(Status::unavailable("try later")),
            Answer::UnavailableForASecond => {
                // google.rpc.Status with RetryInfo of one second.
                let url = b"type.googleapis.com/google.rpc.RetryInfo";
                let mut details = vec![0x1a, url.len() as u8 + 8, 0x0a, url.len() as u8];
                details.extend_from_slice(url);
                details.extend_from_slice(&[0x12, 4, 0x0a, 2, 0x08, 1]);
                Err(Status::with_details(Code::ResourceExhausted, "slow down", details.into()))
            }
            Answer::Invalid => Err(Status::invalid_argument("bad points")),
            Answer::Hang | Answer::RecordAndHang => std::future::pending().await,
        }
    }
}

async fn serve_http(listener: TcpListener, shared: Arc<Shared>, tls: Option<TlsAcceptor>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, shared).await;
                    }
                }
                None => converse(stream, shared).await,
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(request, &shared).await) }
    });
    // It fails when the client goes away, which is its right.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let mut headers = texts(&head.headers);
    headers.insert(":path".to_owned(), head.uri.path().to_owned());
    let Ok(body) = body.collect().await else { return Response::default() };
    let mut body = body.to_bytes().to_vec();
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(&*body).read_to_end(&mut plain).expect("gzip");
        body = plain;
    }
    let message = ExportMetricsServiceRequest::decode(&*body).expect("a request");
    let (status, message) = match shared.take(message, body.len(), headers) {
        Answer::Accept => (StatusCode::OK, ExportMetricsServiceResponse::default()),
        Answer::AcceptBut(rejected) => (StatusCode::OK, partial(rejected)),
        Answer::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, ExportMetricsServiceResponse::default()),
        Answer::UnavailableForASecond => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert("retry-after", "1".parse().expect("a header"));
            return response;
        }
        Answer::Invalid => (StatusCode::BAD_REQUEST, ExportMetricsServiceResponse::default()),
        Answer::Hang | Answer::RecordAndHang => std::future::pending().await,
    };
    let mut response = Response::new(Full::from(message.encode_to_vec()));
    *response.status_mut() = status;
    response
}

fn partial(rejected: i64) -> ExportMetricsServiceResponse {
    let partial = ExportMetricsPartialSuccess {
        rejected_data_points: rejected,
        error_message: "some points are too old".to_owned(),
    };
    ExportMetricsServiceResponse { partial_success: Some(partial) }
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
