//! Requests to an API server or a kubelet, each with a time limit, a size limit and a typed failure.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, Uri, body::Incoming, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::core::Status;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{
    access::{Access, Token},
    failure::{Failure, Reason},
    tls,
};

const USER_AGENT: &str = concat!("kernel-exporter/", env!("CARGO_PKG_VERSION"));

/// How long an answer may take, a list's body included.
const ANSWER: Duration = Duration::from_secs(30);

/// The longest answer. A node has a few hundred pods, a pod's JSON at most some MiB and usually 10 KiB.
const LONGEST_ANSWER: usize = 64 << 20;

/// The longest event: one pod's JSON. etcd takes 1.5 MiB for an object, which grows when it is written out.
const LONGEST_LINE: usize = 8 << 20;

/// One server, with everything that it takes to be let in.
pub(super) struct Server {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    url: String,
    token: Option<Token>,
}

impl Server {
    /// Prepares for requests; connects with the first of them.
    pub(super) fn new(access: Access) -> Result<Self, Failure> {
        let Access { url, trust, identity, token } = access;
        let tls = tls::client(&trust, identity.as_deref())?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), url, token })
    }

    /// Asks, and reads the whole answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, request: Request<Vec<u8>>) -> Result<T, Failure> {
        let body = in_time(async { read(self.accepted(request).await?).await }).await?;
        serde_json::from_slice(&body).map_err(Failure::bad_response)
    }

    /// Asks, and reads the answer line by line as it comes.
    pub(super) async fn lines(&self, request: Request<Vec<u8>>) -> Result<Lines, Failure> {
        let body = in_time(self.accepted(request)).await?.into_body();
        Ok(Lines { body, rest: BytesMut::new(), searched: 0 })
    }

    /// The answer, if it is a good one.
    async fn accepted(&self, request: Request<Vec<u8>>) -> Result<Response<Incoming>, Failure> {
        let answer = self.client.request(self.complete(request.uri())?).await;
        let answer = answer.map_err(|error| Failure::transport(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        // What comes with it is an explanation at best: the kubelet's and proxies' are plain text.
        let body = read(answer).await.unwrap_or_default();
        let explanation = match serde_json::from_slice::<Status>(&body) {
            Ok(explained) => explained.message,
            Err(_) => String::from_utf8_lossy(&body).trim().to_owned(),
        };
        Err(Failure::status(status.as_u16(), &explanation))
    }

    /// A request for what stands at `path` of this server.
    fn complete(&self, path: &Uri) -> Result<Request<Empty<Bytes>>, Failure> {
        let mut request = Request::get(format!("{}{path}", self.url))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, USER_AGENT);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token.header()?);
        }
        request.body(Empty::new()).map_err(|error| Failure::credentials(&error))
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(ANSWER, answer)
        .await
        .map_err(|_| Failure::new(Reason::Unreachable, format!("no answer within {ANSWER:?}")))?
}

async fn read(answer: Response<Incoming>) -> Result<Bytes, Failure> {
    let mut body = answer.into_body();
    let mut bytes = BytesMut::new();
    while let Some(part) = next_part(&mut body).await? {
        bytes.extend_from_slice(&part);
        if bytes.len() > LONGEST_ANSWER {
            let most = LONGEST_ANSWER >> 20;
            return Err(Failure::bad_response(format_args!("the answer is longer than {most} MiB")));
        }
    }
    Ok(bytes.freeze())
}

async fn next_part(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Err(error) => return Err(Failure::transport(&error)),
        }
    }
    Ok(None)
}

/// An answer that comes line by line. It is safe to stop waiting for a line and to ask again.
pub(super) struct Lines {
    body: Incoming,
    rest: BytesMut,
    /// So much of the rest has no newline.
    searched: usize,
}

impl Lines {
    /// The next line, or nothing at the end. What stands behind the last newline is no line: the connection
    /// broke in the middle of it, or the server would have ended it.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(length) = self.rest[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.rest.split_to(self.searched + length + 1).freeze();
                self.searched = 0;
                return Ok(Some(line.slice(..line.len() - 1)));
            }
            self.searched = self.rest.len();
            if self.searched > LONGEST_LINE {
                let most = LONGEST_LINE >> 20;
                return Err(Failure::bad_response(format_args!("an event is longer than {most} MiB")));
            }
            match next_part(&mut self.body).await? {
                Some(part) => self.rest.extend_from_slice(&part),
                None => return Ok(None),
            }
        }
    }
}
