//! The end of the calling device.

use crate::http::auth::Caller;
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use crate::{accounts, detached};
use axum::extract::State;
use axum::http::StatusCode;
use meta::Change;

/// Ends the device. Its snapshots stay.
pub(in crate::http) async fn deactivate(
    State(shared): State<Shared>,
    Caller(device): Caller,
) -> Handled<StatusCode> {
    let instance = shared.instance.clone();
    // Done whether the agent waits or not.
    detached(
        async move { accounts::change_device(&instance, device.id, Change::Deactivate, "itself").await },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
