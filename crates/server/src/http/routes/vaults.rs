//! Creating a vault, and its format record.

use crate::activation::{create_vault, vault_of};
use crate::detached;
use crate::http::auth::{Caller, UnderWay};
use crate::http::input::{Ids, JsonBody};
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use api::vaults::{CreateVaultAnswer, CreateVaultRequest, VaultAnswer};
use api::{Blob, limits};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::VaultId;

/// The first device of a user makes the vault.
pub(in crate::http) async fn create(
    State(shared): State<Shared>,
    Caller(device): Caller,
    under_way: UnderWay,
    JsonBody(request): JsonBody<CreateVaultRequest, { limits::CREATE_VAULT_BODY }>,
) -> Handled<(StatusCode, Json<CreateVaultAnswer>)> {
    let (instance, vault) = (shared.instance.clone(), request.vault);
    // Done whether the agent waits or not.
    detached(async move {
        let _kept = under_way;
        create_vault(&instance, &device, &request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(CreateVaultAnswer { vault })))
}

/// The format record.
pub(in crate::http) async fn read(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids(id): Ids<VaultId>,
) -> Handled<Json<VaultAnswer>> {
    let open = vault_of(&shared.instance, &device, id).await?;
    let record = open.vault().format();
    let custody = record.custody;
    Ok(Json(VaultAnswer { id, custody, format_record: Blob(record.encode()) }))
}
