//! What holds for every request before anybody looks at what it asks for: the web configuration.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::HttpBody as _,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Web, settings::Settings};
use crate::health::RequestRefusal;

/// Refuses, or lets through; and sets headers in either case.
pub(in crate::server) async fn protect(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let settings = web.current().await;
    let credentials = request.headers().get(header::AUTHORIZATION).cloned();
    let mut response = match admit(&web, &settings, credentials, peer).await {
        Ok(()) => next.run(request).await,
        Err(reason) => {
            web.metrics.refused(reason);
            refusal(reason, !request.body().is_end_stream())
        }
    };
    for (name, value) in &settings.headers {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

async fn admit(
    web: &Web,
    settings: &Settings,
    credentials: Option<HeaderValue>,
    peer: SocketAddr,
) -> Result<(), RequestRefusal> {
    if settings.limiter.as_ref().is_some_and(|limiter| !limiter.admits()) {
        return Err(RequestRefusal::RateLimit);
    }
    if settings.users.is_empty() {
        return Ok(());
    }
    web.authentication.admits(&settings.users, credentials.as_ref(), peer.ip()).await
}

/// The response; a body that came along is not read, so nothing can follow it.
fn refusal(reason: RequestRefusal, has_body: bool) -> Response {
    let mut response = match reason {
        RequestRefusal::RateLimit => (StatusCode::TOO_MANY_REQUESTS, "too many requests\n").into_response(),
        RequestRefusal::Unauthorized => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic")], "unauthorized\n")
                .into_response()
        }
        RequestRefusal::Busy => {
            (StatusCode::SERVICE_UNAVAILABLE, "too many passwords are being checked\n").into_response()
        }
    };
    if has_body {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
