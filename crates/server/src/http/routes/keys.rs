//! Wrapped keys. A device reads its own and `recovery`, and writes its own only.

use crate::activation::{holder, vault_of};
use crate::http::auth::Caller;
use crate::http::input::{BinaryBody, Ids};
use crate::http::refusal::{Handled, Refusal};
use crate::http::routes::binary;
use crate::http::state::Shared;
use api::limits;
use api::vaults::Holder;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::{Code, VaultId};

/// Gives a wrapped key.
pub(in crate::http) async fn read(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, of)): Ids<(VaultId, Holder)>,
) -> Handled<Response> {
    let open = vault_of(&shared.instance, &device, vault).await?;
    let missing = || Refusal::new(Code::KeyMissing, "the vault has no such key for this device");
    if of != Holder::Recovery && of != Holder::Device(device.id) {
        return Err(missing());
    }
    let found = shared.job(move || open.vault().key(holder(of))).await?;
    found.map(binary).ok_or_else(missing)
}

/// Stores the device's own wrapped key: a further device joins.
pub(in crate::http) async fn write(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, of)): Ids<(VaultId, Holder)>,
    BinaryBody(bytes): BinaryBody<{ limits::SMALL_OBJECT }>,
) -> Handled<StatusCode> {
    let open = vault_of(&shared.instance, &device, vault).await?;
    if of != Holder::Device(device.id) {
        return Err(Refusal::new(Code::RequestInvalid, "a device writes its own key only"));
    }
    shared.job(move || open.vault().put_key(holder(of), &bytes)).await?;
    let instance = &shared.instance;
    if device.vault != Some(vault)
        && instance.meta.open_vault(device.user).await?.is_some_and(|v| v.id == vault)
    {
        instance.meta.set_device_vault(device.id, vault).await?;
        instance.mirror_device(device.id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
