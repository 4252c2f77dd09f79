//! Leases: asked for and given back.

use crate::http::auth::Caller;
use crate::http::input::{Ids, JsonBody};
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use crate::{events, leases};
use api::limits;
use api::runs::{LeaseAnswer, LeaseRequest};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::{LeaseId, VaultId};

/// Grants a lease.
pub(in crate::http) async fn grant(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids(vault): Ids<VaultId>,
    JsonBody(request): JsonBody<LeaseRequest, { limits::JSON_BODY }>,
) -> Handled<(StatusCode, Json<LeaseAnswer>)> {
    match leases::grant(&shared.instance, &device, vault, request).await {
        Ok(answer) => Ok((StatusCode::CREATED, Json(answer))),
        Err(error) => {
            events::note_refusal(&shared.instance, device.id, "lease", &error).await;
            Err(error.into())
        }
    }
}

/// Ends a lease.
pub(in crate::http) async fn release(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, lease)): Ids<(VaultId, LeaseId)>,
) -> Handled<StatusCode> {
    leases::release(&shared.instance, &device, vault, lease).await?;
    Ok(StatusCode::NO_CONTENT)
}
