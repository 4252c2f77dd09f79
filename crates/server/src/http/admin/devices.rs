//! Devices. They are named by their ids.

use super::auth::Administrator;
use crate::admin::devices;
use crate::admin::{Deed, DeviceView, TokenView};
use crate::detached;
use crate::http::input::{Asked, Ids, JsonBody};
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use api::limits;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::DeviceId;
use serde::Deserialize;

/// Query of the list.
#[derive(Debug, Deserialize)]
pub(super) struct DevicesQuery {
    /// Only those of this user.
    user: Option<String>,
}

/// Body of a replacement.
#[derive(Debug, Deserialize)]
pub(super) struct ReplaceRequest {
    /// How long the token is good, in seconds; seven days when nothing is said.
    #[serde(default = "week")]
    expires_seconds: u64,
}

const fn week() -> u64 {
    7 * 86_400
}

/// Lists devices by user and name.
pub(super) async fn list(
    State(shared): State<Shared>,
    Asked(query): Asked<DevicesQuery>,
) -> Handled<Json<Vec<DeviceView>>> {
    Ok(Json(devices::list(&shared.instance, query.user.as_deref()).await?))
}

/// One device.
pub(super) async fn show(State(shared): State<Shared>, Ids(id): Ids<DeviceId>) -> Handled<Json<DeviceView>> {
    Ok(Json(devices::show(&shared.instance, id).await?))
}

/// Keeps a device from working; what is backed up stays.
pub(super) async fn disable(
    state: State<Shared>,
    by: Administrator,
    id: Ids<DeviceId>,
) -> Handled<Json<DeviceView>> {
    change(state, by, id, Deed::Disable).await
}

/// Lets a disabled device work again.
pub(super) async fn enable(
    state: State<Shared>,
    by: Administrator,
    id: Ids<DeviceId>,
) -> Handled<Json<DeviceView>> {
    change(state, by, id, Deed::Enable).await
}

/// Deletes a device with its snapshots; for seven days this can be undone.
pub(super) async fn delete(
    state: State<Shared>,
    by: Administrator,
    id: Ids<DeviceId>,
) -> Handled<Json<DeviceView>> {
    change(state, by, id, Deed::Delete).await
}

/// Brings a deleted device back, as it was.
pub(super) async fn undelete(
    state: State<Shared>,
    by: Administrator,
    id: Ids<DeviceId>,
) -> Handled<Json<DeviceView>> {
    change(state, by, id, Deed::Undelete).await
}

/// Makes a token by which another machine goes on as this device.
pub(super) async fn replace(
    State(shared): State<Shared>,
    Ids(id): Ids<DeviceId>,
    JsonBody(request): JsonBody<ReplaceRequest, { limits::JSON_BODY }>,
) -> Handled<(StatusCode, Json<TokenView>)> {
    let token = devices::replace(&shared.instance, id, request.expires_seconds).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// Done whether who asks waits or not.
async fn change(
    State(shared): State<Shared>,
    Administrator(by): Administrator,
    Ids(id): Ids<DeviceId>,
    deed: Deed,
) -> Handled<Json<DeviceView>> {
    let instance = shared.instance.clone();
    Ok(Json(detached(async move { devices::change(&instance, id, deed, &by).await }).await?))
}
