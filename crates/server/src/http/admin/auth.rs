//! Which administrator asks: a token, compared with the hash that is kept of it.

use crate::admin_token::AdminSecret;
use crate::http::auth::{failed, peer};
use crate::http::refusal::Refusal;
use crate::http::state::Shared;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::Code;
use subtle::ConstantTimeEq;

/// The name of the administrator who asks. Handlers behind [`authenticate`] have one.
#[derive(Debug, Clone)]
pub(super) struct Administrator(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Administrator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Refusal::new(Code::AdminUnknown, "no token of an administrator"))
    }
}

/// Lets holders of a token through. Failures count for the address as those of devices do.
pub(super) async fn authenticate(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let peer = peer(&request);
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = header.and_then(AdminSecret::of_header);
    match identify(&shared, secret).await {
        Ok(Some(administrator)) => {
            request.extensions_mut().insert(administrator);
            next.run(request).await
        }
        Ok(None) => {
            let refusal = Refusal::new(Code::AdminUnknown, "this server does not know the token");
            failed(&shared, peer, refusal).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// One answer for no token, an unknown or revoked one, a wrong secret, and one whose time is over.
async fn identify(shared: &Shared, secret: Option<AdminSecret>) -> Result<Option<Administrator>, Refusal> {
    let Some(AdminSecret { id, secret }) = secret else { return Ok(None) };
    let meta = &shared.instance.meta;
    let found = meta.admin_token(id).await?;
    // Compared in any case, so that the time says nothing about which ids exist.
    let expected = found.as_ref().map_or([0; 32], |token| token.secret_hash);
    let same: bool = secret.hash().0.ct_eq(&expected).into();
    let now = shared.instance.clock.now();
    let good = |expires: Option<model::Timestamp>| expires.is_none_or(|expires| now < expires);
    let Some(token) = found.filter(|token| same && good(token.expires)) else { return Ok(None) };
    // For people only, as with devices.
    if let Err(error) = meta.touch_admin_token(id, now).await {
        tracing::warn!(token = %id, %error, "it was not noted that a token was used");
    }
    Ok(Some(Administrator(token.administrator)))
}
