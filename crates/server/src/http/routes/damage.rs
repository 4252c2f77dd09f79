//! What is damaged in a vault, for agents that are about to refer to it.

use crate::activation::vault_of;
use crate::damage;
use crate::http::auth::Caller;
use crate::http::input::Ids;
use crate::http::refusal::Handled;
use crate::http::routes::binary;
use crate::http::state::Shared;
use api::limits;
use axum::extract::State;
use axum::response::Response;
use model::VaultId;

/// Lists it.
pub(in crate::http) async fn list(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids(id): Ids<VaultId>,
) -> Handled<Response> {
    vault_of(&shared.instance, &device, id).await?;
    let mut known = damage::known(&shared.instance, id).await?;
    // What is left out is refused by the commit.
    known.truncate(limits::DAMAGED);
    Ok(binary(api::binary::write_damage(&known)))
}
