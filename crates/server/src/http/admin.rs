//! The interface for administrators, below `/v1/admin`: the use cases of the commands, in JSON, for holders of a token
//! that `holdfast-server admin token create` has made.

mod auth;
mod devices;
mod groups;
mod policies;
mod storage;
mod users;

use super::state::Shared;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};

/// All of its routes.
pub(super) fn routes(shared: &Shared) -> Router<Shared> {
    Router::new()
        .route("/v1/admin/users", get(users::list))
        .route("/v1/admin/users/{user}", get(users::show).delete(users::delete))
        .route("/v1/admin/users/{user}/quota", put(users::set_quota))
        .route("/v1/admin/users/{user}/disable", post(users::disable))
        .route("/v1/admin/users/{user}/enable", post(users::enable))
        .route("/v1/admin/users/{user}/undelete", post(users::undelete))
        .route("/v1/admin/users/{user}/group", put(users::set_group))
        .route("/v1/admin/users/{user}/policy", get(policies::of_user))
        .route("/v1/admin/groups", get(groups::list).post(groups::add))
        .route("/v1/admin/groups/{group}", delete(groups::remove))
        .route("/v1/admin/groups/{group}/policy", get(policies::of_group).patch(policies::change_group))
        .route("/v1/admin/policy", get(policies::of_all).patch(policies::change_all))
        .route("/v1/admin/storage", get(storage::show))
        .route("/v1/admin/devices", get(devices::list))
        .route("/v1/admin/devices/{device}", get(devices::show).delete(devices::delete))
        .route("/v1/admin/devices/{device}/events", get(devices::events))
        .route("/v1/admin/devices/{device}/disable", post(devices::disable))
        .route("/v1/admin/devices/{device}/enable", post(devices::enable))
        .route("/v1/admin/devices/{device}/undelete", post(devices::undelete))
        .route("/v1/admin/devices/{device}/start", post(devices::start))
        .route("/v1/admin/devices/{device}/cancel-backup", post(devices::cancel_backup))
        .route("/v1/admin/devices/{device}/replace", post(devices::replace))
        .route_layer(from_fn_with_state(shared.clone(), auth::authenticate))
}
