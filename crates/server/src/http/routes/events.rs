//! A device tells what happened on it.

use crate::http::auth::Caller;
use crate::http::input::JsonBody;
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use crate::{detached, events};
use api::events::{EventsAnswer, EventsRequest};
use api::limits;
use axum::Json;
use axum::extract::State;

/// Stores events. Repeated, nothing is stored twice.
pub(in crate::http) async fn receive(
    State(shared): State<Shared>,
    Caller(device): Caller,
    JsonBody(request): JsonBody<EventsRequest, { limits::EVENTS_BODY }>,
) -> Handled<Json<EventsAnswer>> {
    let instance = shared.instance.clone();
    // Done whether the agent waits or not.
    let answer = detached(async move { events::receive(&instance, device.id, request).await }).await?;
    Ok(Json(answer))
}
