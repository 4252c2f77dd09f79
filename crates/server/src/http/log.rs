//! One line for each request, and the answer when a handler panics. No paths, queries, secrets or bodies: the line has
//! the route's pattern.

use super::auth::CallerId;
use super::refusal::{Refusal, RefusedCode};
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use model::Code;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

/// Logs a request and its answer's head.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    // What a handler had in its hands is dropped with it: nothing is seen half-changed.
    let response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        // The panic itself was printed by its hook.
        Err(_) => Refusal::new(Code::Internal, "the server failed; its log says why").into_response(),
    };
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    let code = response.extensions().get::<RefusedCode>().map_or("", |code| code.0);
    let device = response.extensions().get::<CallerId>().map(|caller| tracing::field::display(caller.0));
    let ms = began.elapsed().as_millis() as u64;
    if code.is_empty() {
        tracing::debug!(%method, route, status, ms, device, "request");
    } else {
        tracing::info!(%method, route, status, code, ms, device, "request refused");
    }
    response
}
