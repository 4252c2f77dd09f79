//! Snapshots of a vault: the list, and records.

use crate::Error;
use crate::activation::vault_of;
use crate::http::auth::Caller;
use crate::http::input::Ids;
use crate::http::refusal::{Handled, Refusal};
use crate::http::routes::binary;
use crate::http::state::Shared;
use api::runs::SnapshotRow;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use meta::{NewSnapshot, SnapshotScope};
use model::{Code, DeviceId, SnapshotId, VaultId};
use std::collections::HashMap;

/// Lists the snapshots that are not hidden, newest first.
pub(in crate::http) async fn list(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids(vault): Ids<VaultId>,
) -> Handled<Json<Vec<SnapshotRow>>> {
    let meta = &shared.instance.meta;
    vault_of(&shared.instance, &device, vault).await?;
    let names: HashMap<DeviceId, String> =
        meta.devices(Some(device.user)).await?.into_iter().map(|device| (device.id, device.name)).collect();
    let rows = meta.snapshots(SnapshotScope::Vault(vault), false).await?;
    let row = |meta::SnapshotRow { snapshot, .. }| {
        let NewSnapshot { id, device, set, sequence, received, complete, files, bytes, findings, .. } =
            snapshot;
        let device_name = names.get(&device).cloned().unwrap_or_default();
        SnapshotRow {
            id,
            device,
            device_name,
            set,
            sequence,
            time: received,
            complete,
            files,
            bytes,
            findings,
        }
    };
    Ok(Json(rows.into_iter().map(row).collect()))
}

/// Gives a record as its agent sent it.
pub(in crate::http) async fn read(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, snapshot)): Ids<(VaultId, SnapshotId)>,
) -> Handled<Response> {
    let open = vault_of(&shared.instance, &device, vault).await?;
    visible(&shared, vault, snapshot).await?;
    match shared.job(move || open.vault().snapshot_record(snapshot)).await {
        Ok(record) => Ok(binary(record)),
        Err(error) => Err(unread(&shared, vault, snapshot, error).await),
    }
}

/// Why a visible snapshot could not be read: when its object is gone and nobody has deleted it meanwhile, the store
/// is not what the database knows.
pub(super) async fn unread(shared: &Shared, vault: VaultId, snapshot: SnapshotId, error: Error) -> Refusal {
    let is_gone = matches!(error, Error::Vault(vault::Error::SnapshotUnknown { .. }));
    if is_gone && visible(shared, vault, snapshot).await.is_ok() {
        tracing::error!(%vault, %snapshot, "a snapshot is missing in the object store");
        return Refusal::new(Code::StoreDisagrees, "the snapshot is missing in the object store");
    }
    error.into()
}

/// An error unless the snapshot lies in the vault and is not hidden.
pub(super) async fn visible(shared: &Shared, vault: VaultId, snapshot: SnapshotId) -> Handled<()> {
    match shared.instance.meta.snapshot_in(vault, snapshot).await? {
        Some(row) if row.deleted.is_none() => Ok(()),
        _ => Err(meta::Error::SnapshotUnknown { snapshot }.into()),
    }
}
