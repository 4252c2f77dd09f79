//! Users. They are named by their names, whatever the case.

use super::auth::Administrator;
use crate::admin::{Deed, UserView};
use crate::admin::{groups, users};
use crate::detached;
use crate::http::input::{Ids, JsonBody};
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use api::limits;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;

/// Body of a quota.
#[derive(Debug, Deserialize)]
pub(super) struct QuotaRequest {
    /// The size in bytes; 0 for any amount, `null` for what holds for all.
    quota_bytes: Option<u64>,
}

/// Body that names a group.
#[derive(Debug, Deserialize)]
pub(super) struct GroupRequest {
    /// Its name.
    group: String,
}

/// Puts a user into a group.
pub(super) async fn set_group(
    State(shared): State<Shared>,
    Administrator(by): Administrator,
    Ids(name): Ids<String>,
    JsonBody(GroupRequest { group }): JsonBody<GroupRequest, { limits::JSON_BODY }>,
) -> Handled<Json<UserView>> {
    let instance = shared.instance.clone();
    Ok(Json(detached(async move { groups::set_user(&instance, &name, &group, &by).await }).await?))
}

/// Lists the users by name.
pub(super) async fn list(State(shared): State<Shared>) -> Handled<Json<Vec<UserView>>> {
    Ok(Json(users::list(&shared.instance).await?))
}

/// One user.
pub(super) async fn show(State(shared): State<Shared>, Ids(name): Ids<String>) -> Handled<Json<UserView>> {
    Ok(Json(users::show(&shared.instance, &name).await?))
}

/// Keeps all devices of a user from working; what is backed up stays.
pub(super) async fn disable(
    state: State<Shared>,
    by: Administrator,
    name: Ids<String>,
) -> Handled<Json<UserView>> {
    change(state, by, name, Deed::Disable).await
}

/// Lets the devices of a user work again.
pub(super) async fn enable(
    state: State<Shared>,
    by: Administrator,
    name: Ids<String>,
) -> Handled<Json<UserView>> {
    change(state, by, name, Deed::Enable).await
}

/// Deletes a user with all devices and snapshots; for seven days this can be undone.
pub(super) async fn delete(
    state: State<Shared>,
    by: Administrator,
    name: Ids<String>,
) -> Handled<Json<UserView>> {
    change(state, by, name, Deed::Delete).await
}

/// Brings a deleted user back, as all was.
pub(super) async fn undelete(
    state: State<Shared>,
    by: Administrator,
    name: Ids<String>,
) -> Handled<Json<UserView>> {
    change(state, by, name, Deed::Undelete).await
}

/// Sets what a user may have backed up.
pub(super) async fn set_quota(
    State(shared): State<Shared>,
    Administrator(by): Administrator,
    Ids(name): Ids<String>,
    JsonBody(QuotaRequest { quota_bytes }): JsonBody<QuotaRequest, { limits::JSON_BODY }>,
) -> Handled<Json<UserView>> {
    let instance = shared.instance.clone();
    Ok(Json(detached(async move { users::set_quota(&instance, &name, quota_bytes, &by).await }).await?))
}

/// Done whether who asks waits or not.
async fn change(
    State(shared): State<Shared>,
    Administrator(by): Administrator,
    Ids(name): Ids<String>,
    deed: Deed,
) -> Handled<Json<UserView>> {
    let instance = shared.instance.clone();
    Ok(Json(detached(async move { users::change(&instance, &name, deed, &by).await }).await?))
}
