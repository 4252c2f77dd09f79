//! Which handler answers which route, and what every request passes before it.

use super::refusal::Refusal;
use super::state::Shared;
use super::{admin, auth, log, routes};
use crate::instance::Instance;
use api::routes as paths;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};
use model::Code;
use std::sync::Arc;

/// All routes: those of the protocol, and those for administrators.
pub fn router(instance: Arc<Instance>) -> Router {
    let shared = Shared::new(instance);
    let devices = Router::new()
        .route(paths::DEACTIVATE, post(routes::device::deactivate))
        .route(paths::DEVICE_STATE, get(routes::control::state))
        .route(paths::DEVICE_POLICY, get(routes::control::policy))
        .route(paths::ORDER, put(routes::control::answer))
        .route(paths::EVENTS, post(routes::events::receive))
        .route(paths::QUOTA, get(routes::quota::read))
        .route(paths::VAULTS, post(routes::vaults::create))
        .route(paths::VAULT, get(routes::vaults::read))
        .route(paths::KEY, get(routes::keys::read).put(routes::keys::write))
        .route(paths::INDEX, get(routes::index::read))
        .route(paths::DAMAGE, get(routes::damage::list))
        .route(paths::LEASES, post(routes::leases::grant))
        .route(paths::LEASE, delete(routes::leases::release))
        .route(paths::LOOKUP, post(routes::lookup::look_up))
        .route(paths::LEASE_FRAMES, post(routes::frames::of_lease))
        .route(paths::PACK, put(routes::packs::receive))
        .route(paths::COMMIT, put(routes::commits::commit))
        .route(paths::SNAPSHOTS, get(routes::snapshots::list))
        .route(paths::SNAPSHOT, get(routes::snapshots::read))
        .route(paths::LABELS, get(routes::labels::list))
        .route(paths::SNAPSHOT_LABELS, get(routes::labels::read).put(routes::labels::write))
        .route(paths::SNAPSHOT_FRAMES, post(routes::frames::of_snapshot))
        .route(paths::SNAPSHOT_IDS, post(routes::frames::ids_of_snapshot))
        .route_layer(from_fn_with_state(shared.clone(), auth::authenticate));
    let channels = Router::new()
        .route(paths::CHANNEL, get(routes::control::open))
        .route_layer(from_fn_with_state(shared.clone(), auth::authenticate_channel));
    Router::new()
        .route(paths::ACTIVATE, post(routes::activation::activate))
        .merge(devices)
        .merge(channels)
        .route_layer(from_fn(auth::check_version))
        .route(paths::HEALTH, get(routes::health::health))
        // Not below the check of the protocol's version: who asks there is no agent.
        .merge(admin::routes(&shared))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn(log::log))
        .with_state(shared)
}

async fn no_route() -> Refusal {
    Refusal::new(Code::NotFound, "there is no such route")
}

async fn no_method() -> Refusal {
    let detail = "this route does not know the method";
    Refusal::with_status(StatusCode::METHOD_NOT_ALLOWED, Code::RequestInvalid, detail)
}
