//! A snapshot is committed.

use crate::http::auth::{Caller, UnderWay};
use crate::http::input::{Ids, Shown, SizedBody, read};
use crate::http::refusal::Handled;
use crate::http::state::Shared;
use crate::leases::claim_of;
use crate::{commits, detached, events};
use api::limits;
use api::runs::CommitAnswer;
use axum::Json;
use axum::extract::State;
use model::{LeaseId, SnapshotId, VaultId};

/// Commits a record. Repeated, it gets the first answer.
pub(in crate::http) async fn commit(
    State(shared): State<Shared>,
    Caller(device): Caller,
    under_way: UnderWay,
    Ids((vault, lease, snapshot)): Ids<(VaultId, LeaseId, SnapshotId)>,
    Shown(counter): Shown,
    SizedBody { length, body }: SizedBody<{ limits::SNAPSHOT }>,
) -> Handled<Json<CommitAnswer>> {
    let claim = claim_of(&device, vault, lease, counter);
    // Before anything of the body is waited for: memory is for those who may commit.
    commits::expect(&shared.instance, &device, &claim, snapshot).await?;
    let memory = shared.memory_for(device.id, length).await?;
    let record = read(body, limits::SNAPSHOT).await?;
    let instance = shared.instance.clone();
    // Done whether the agent waits or not.
    let committed = detached(async move {
        let _kept = (under_way, memory);
        let committed = commits::commit(&instance, &device, claim, snapshot, record).await;
        if let Err(error) = &committed {
            events::note_refusal(&instance, device.id, "snapshot", error).await;
        }
        committed
    })
    .await?;
    Ok(Json(CommitAnswer { sequence: committed.sequence, time: committed.received }))
}
