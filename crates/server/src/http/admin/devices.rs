//! Devices. They are named by their ids.

use super::auth::Administrator;
use crate::admin::{Deed, DeviceView, EventsView, OrderView, TokenView};
use crate::admin::{devices, events as log};
use crate::detached;
use crate::http::input::{Asked, Ids, JsonBody};
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use api::limits;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use meta::OrderKind;
use model::DeviceId;
use serde::Deserialize;

/// Query of the list.
#[derive(Debug, Deserialize)]
pub(super) struct DevicesQuery {
    /// Only those of this user.
    user: Option<String>,
}

/// Query of the events.
#[derive(Debug, Deserialize)]
pub(super) struct EventsQuery {
    /// Only those with numbers below this.
    before: Option<u64>,
    /// The most, 1 to 1,000; 100 when nothing is said.
    #[serde(default = "page")]
    limit: u64,
}

const fn page() -> u64 {
    log::PAGE
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

/// The events of a device, newest first.
pub(super) async fn events(
    State(shared): State<Shared>,
    Ids(id): Ids<DeviceId>,
    Asked(EventsQuery { before, limit }): Asked<EventsQuery>,
) -> Handled<Json<EventsView>> {
    // One that is not there has no log either.
    devices::show(&shared.instance, id).await?;
    Ok(Json(log::list(&shared.instance, id, before, limit).await?))
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

/// Lets a device begin a backup.
pub(super) async fn start(
    state: State<Shared>,
    by: Administrator,
    id: Ids<DeviceId>,
) -> Handled<(StatusCode, Json<OrderView>)> {
    order(state, by, id, OrderKind::Start).await
}

/// Lets a device end the backup that it makes.
pub(super) async fn cancel_backup(
    state: State<Shared>,
    by: Administrator,
    id: Ids<DeviceId>,
) -> Handled<(StatusCode, Json<OrderView>)> {
    order(state, by, id, OrderKind::Cancel).await
}

/// Done whether who asks waits or not.
async fn order(
    State(shared): State<Shared>,
    Administrator(by): Administrator,
    Ids(id): Ids<DeviceId>,
    kind: OrderKind,
) -> Handled<(StatusCode, Json<OrderView>)> {
    let instance = shared.instance.clone();
    let view = detached(async move { devices::order(&instance, id, kind, &by).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
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
