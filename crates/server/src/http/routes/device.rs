//! The end of the calling device.

use crate::detached;
use crate::http::auth::Caller;
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use axum::extract::State;
use axum::http::StatusCode;
use meta::DeviceState;

/// Ends the device. Its snapshots stay.
pub(in crate::http) async fn deactivate(
    State(shared): State<Shared>,
    Caller(device): Caller,
) -> Handled<StatusCode> {
    let instance = shared.instance.clone();
    // Done whether the agent waits or not.
    detached(async move {
        instance.meta.set_device_state(device.id, DeviceState::Deactivated).await?;
        tracing::info!(device = %device.id, "device deactivated");
        instance.mirror_device(device.id).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
