//! A token becomes a device.

use crate::http::auth::{failed, peer};
use crate::http::input::JsonBody;
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use crate::{activation, detached};
use api::activation::{ActivateAnswer, ActivateRequest};
use api::limits;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use model::Code;

/// Activates. Refused tokens count as failures of the address, which is answered more slowly after many.
pub(in crate::http) async fn activate(
    State(shared): State<Shared>,
    request: Request,
) -> Handled<(StatusCode, Json<ActivateAnswer>)> {
    let peer = peer(&request);
    // Before anything of the body is waited for: nobody knows yet who sends it.
    let _place = shared.activation(peer)?;
    let JsonBody::<ActivateRequest, { limits::ACTIVATE_BODY }>(body) =
        JsonBody::from_request(request, &shared).await?;
    let instance = shared.instance.clone();
    // Done whether the agent waits or not.
    match detached(async move { activation::activate(&instance, &body).await }).await {
        Ok(answer) => Ok((StatusCode::CREATED, Json(answer))),
        Err(error) => {
            let refused = matches!(error.code(), Code::TokenUnknown | Code::TokenExpired | Code::TokenUsed);
            let refusal = error.into();
            Err(if refused { failed(&shared, peer, refusal) } else { refusal })
        }
    }
}
