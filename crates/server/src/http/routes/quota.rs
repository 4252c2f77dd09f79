//! What the user of a device has backed up, and may have.

use crate::http::auth::Caller;
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use crate::quota::{self, Quota};
use api::runs::QuotaAnswer;
use axum::Json;
use axum::extract::State;

/// Tells it.
pub(in crate::http) async fn read(
    State(shared): State<Shared>,
    Caller(device): Caller,
) -> Handled<Json<QuotaAnswer>> {
    let user = device.user;
    let user = shared.instance.meta.user(user).await?.ok_or(meta::Error::UserUnknown { user })?;
    let Quota { used_bytes, limit_bytes } = quota::of(&shared.instance, &user).await?;
    Ok(Json(QuotaAnswer { used_bytes, limit_bytes }))
}
