//! Labels of snapshots: sealed objects of the agents, given and replaced as a whole.

use super::snapshots::{unread, visible};
use crate::activation::vault_of;
use crate::http::auth::Caller;
use crate::http::input::{Asked, BinaryBody, Ids};
use crate::http::refusal::Handled;
use crate::http::routes::{Step, stream};
use crate::http::state::Shared;
use crate::vaults::OpenVault;
use api::limits;
use api::runs::LabelsQuery;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use meta::SnapshotScope;
use model::{SnapshotId, VaultId};
use std::collections::HashSet;
use std::sync::Arc;

/// Objects that are read at once, at most.
const BATCH: usize = 64;

/// Gives those of all snapshots that are not hidden.
pub(in crate::http) async fn list(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids(vault): Ids<VaultId>,
) -> Handled<Response> {
    let open = vault_of(&shared.instance, &device, vault).await?;
    let rows = shared.instance.meta.snapshots(SnapshotScope::Vault(vault), false).await?;
    let visible: HashSet<SnapshotId> = rows.into_iter().map(|row| row.snapshot.id).collect();
    let of = open.clone();
    let mut labelled = shared.job(move || of.vault().labelled()).await?;
    labelled.retain(|id| visible.contains(id));
    give(shared, open, labelled).await
}

/// Gives those of one snapshot: one record or none.
pub(in crate::http) async fn read(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, snapshot)): Ids<(VaultId, SnapshotId)>,
) -> Handled<Response> {
    let open = vault_of(&shared.instance, &device, vault).await?;
    visible(&shared, vault, snapshot).await?;
    give(shared, open, vec![snapshot]).await
}

/// Stores those of one snapshot in place of the ones that the agent has seen.
pub(in crate::http) async fn write(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, snapshot)): Ids<(VaultId, SnapshotId)>,
    Asked(query): Asked<LabelsQuery>,
    BinaryBody(bytes): BinaryBody<{ limits::LABELS }>,
) -> Handled<StatusCode> {
    let open = vault_of(&shared.instance, &device, vault).await?;
    visible(&shared, vault, snapshot).await?;
    let replaces = query.replaces.map(|hash| hash.0);
    match shared.job(move || open.vault().put_labels(snapshot, replaces, &bytes)).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(unread(&shared, vault, snapshot, error).await),
    }
}

/// What is still to be given.
type Rest = (Arc<OpenVault>, std::vec::IntoIter<SnapshotId>);

async fn give(shared: Shared, open: Arc<OpenVault>, wanted: Vec<SnapshotId>) -> Handled<Response> {
    let first = shared.job(move || next((open, wanted.into_iter()))).await?;
    Ok(stream(shared, first, next))
}

fn next((open, mut wanted): Rest) -> Result<Step<Rest>, vault::Error> {
    let mut records = Vec::new();
    // A batch may be empty, when cleanup has removed all of it since it was listed; the answer would end with it.
    while records.is_empty() && wanted.len() > 0 {
        for id in wanted.by_ref().take(BATCH) {
            if let Some(object) = open.vault().labels(id)? {
                records.extend_from_slice(&api::binary::labels_record(id, &object));
            }
        }
    }
    Ok((!records.is_empty()).then(|| (Bytes::from(records), (open, wanted))))
}
