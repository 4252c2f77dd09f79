//! Whether backups can be stored.

use crate::admin::StorageView;
use crate::admin::storage;
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use axum::Json;
use axum::extract::State;

/// The storage as it is now.
pub(super) async fn show(State(shared): State<Shared>) -> Handled<Json<StorageView>> {
    Ok(Json(storage::show(&shared.instance).await?))
}
