//! Policies. A change is a JSON object of the fields that change, with null for those that are no longer set.

use super::auth::Administrator;
use crate::admin::{PolicyOf, PolicyView, policies};
use crate::detached;
use crate::http::input::{Ids, JsonBody};
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use api::limits;
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

/// A body that changes a policy.
type Change = JsonBody<Map<String, Value>, { limits::JSON_BODY }>;

async fn show(shared: &Shared, of: PolicyOf) -> Handled<Json<PolicyView>> {
    Ok(Json(policies::show(&shared.instance, &of).await?))
}

/// What holds for all of whom nothing else is said.
pub(super) async fn of_all(State(shared): State<Shared>) -> Handled<Json<PolicyView>> {
    show(&shared, PolicyOf::All).await
}

/// What holds for a group.
pub(super) async fn of_group(
    State(shared): State<Shared>,
    Ids(name): Ids<String>,
) -> Handled<Json<PolicyView>> {
    show(&shared, PolicyOf::Group(name)).await
}

/// What holds for a user.
pub(super) async fn of_user(
    State(shared): State<Shared>,
    Ids(name): Ids<String>,
) -> Handled<Json<PolicyView>> {
    show(&shared, PolicyOf::User(name)).await
}

/// Changes what the organisation sets.
pub(super) async fn change_all(
    state: State<Shared>,
    by: Administrator,
    body: Change,
) -> Handled<Json<PolicyView>> {
    change(state, by, None, body).await
}

/// Changes what a group sets.
pub(super) async fn change_group(
    state: State<Shared>,
    by: Administrator,
    Ids(name): Ids<String>,
    body: Change,
) -> Handled<Json<PolicyView>> {
    change(state, by, Some(name), body).await
}

/// Done whether who asks waits or not.
async fn change(
    State(shared): State<Shared>,
    Administrator(by): Administrator,
    group: Option<String>,
    JsonBody(change): Change,
) -> Handled<Json<PolicyView>> {
    let instance = shared.instance.clone();
    let done = async move { policies::change(&instance, group.as_deref(), change, &by).await };
    Ok(Json(detached(done).await?))
}
