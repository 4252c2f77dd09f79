//! Is the server there, and which versions does it speak.

use crate::http::state::Shared;
use api::activation::Health;
use api::version::{OLDEST_PROTOCOL, PROTOCOL};
use axum::Json;
use axum::extract::State;

pub(in crate::http) async fn health(State(shared): State<Shared>) -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        oldest_protocol: OLDEST_PROTOCOL,
        server_id: shared.instance.record.id,
        time: shared.instance.clock.now(),
    })
}
