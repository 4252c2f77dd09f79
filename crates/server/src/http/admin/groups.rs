//! Groups. They are named by their names, whatever the case.

use super::auth::Administrator;
use crate::admin::{GroupView, groups};
use crate::detached;
use crate::http::input::{Ids, JsonBody};
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use api::limits;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

/// Body of a new group.
#[derive(Debug, Deserialize)]
pub(super) struct AddRequest {
    /// Its name.
    name: String,
}

/// Lists the groups by name.
pub(super) async fn list(State(shared): State<Shared>) -> Handled<Json<Vec<GroupView>>> {
    Ok(Json(groups::list(&shared.instance).await?))
}

/// Adds a group.
pub(super) async fn add(
    State(shared): State<Shared>,
    Administrator(by): Administrator,
    JsonBody(AddRequest { name }): JsonBody<AddRequest, { limits::JSON_BODY }>,
) -> Handled<(StatusCode, Json<GroupView>)> {
    let instance = shared.instance.clone();
    let view = detached(async move { groups::add(&instance, &name, &by).await }).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Removes a group that nobody is in.
pub(super) async fn remove(
    State(shared): State<Shared>,
    Administrator(by): Administrator,
    Ids(name): Ids<String>,
) -> Handled<Json<GroupView>> {
    let instance = shared.instance.clone();
    Ok(Json(detached(async move { groups::remove(&instance, &name, &by).await }).await?))
}
