//! Frames, through a snapshot or below a lease, a few at a time as the agent takes them.

use crate::activation::vault_of;
use crate::http::auth::Caller;
use crate::http::input::{BinaryBody, Ids, Shown};
use crate::http::refusal::Handled;
use crate::http::routes::{snapshots, stream};
use crate::http::state::Shared;
use crate::instance::Instance;
use crate::vaults::OpenVault;
use crate::{damage, leases};
use api::binary::{frame_header, frame_refusal, read_frame_list, write_ids};
use api::limits;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use model::{Code, Damaged, LeaseId, SnapshotId, VaultId};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use vault::{FrameAnswer, FrameFailure, FrameId, Frames, Scope};

const BODY: usize = limits::FRAMES * 20;
/// What is read before the agent took what was read before.
const BATCH_BYTES: usize = 1 << 20;
/// How long an answer waits at most until damage is noted.
const NOTE_TIME: Duration = Duration::from_secs(20);

/// Gives frames that a snapshot reaches.
pub(in crate::http) async fn of_snapshot(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, snapshot)): Ids<(VaultId, SnapshotId)>,
    BinaryBody(body): BinaryBody<BODY>,
) -> Handled<Response> {
    let open = vault_of(&shared.instance, &device, vault).await?;
    snapshots::visible(&shared, vault, snapshot).await?;
    give(shared, open, Scope::Snapshot(snapshot), &body, read_frames).await
}

/// Gives the ids of the chunks in frames that a snapshot reaches.
pub(in crate::http) async fn ids_of_snapshot(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, snapshot)): Ids<(VaultId, SnapshotId)>,
    BinaryBody(body): BinaryBody<BODY>,
) -> Handled<Response> {
    let open = vault_of(&shared.instance, &device, vault).await?;
    snapshots::visible(&shared, vault, snapshot).await?;
    give(shared, open, Scope::Snapshot(snapshot), &body, read_ids).await
}

/// Gives frames of the log to the holder of a lease.
pub(in crate::http) async fn of_lease(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, lease)): Ids<(VaultId, LeaseId)>,
    Shown(counter): Shown,
    BinaryBody(body): BinaryBody<BODY>,
) -> Handled<Response> {
    let (open, _) = leases::claim(&shared.instance, &device, vault, lease, counter).await?;
    give(shared, open, Scope::Lease, &body, read_frames).await
}

async fn give(
    shared: Shared,
    open: Arc<OpenVault>,
    scope: Scope,
    body: &[u8],
    read: fn(Rest) -> Result<Batch, vault::Error>,
) -> Handled<Response> {
    let wanted: Vec<_> =
        read_frame_list(body)?.into_iter().map(|(pack, frame)| FrameId { pack, frame }).collect();
    let to_note = Arc::new((shared.instance.clone(), open.clone()));
    let first = shared.job(move || read((open.vault().frames(scope, wanted)?, to_note))).await?;
    Ok(stream(shared, first, read))
}

/// What is left of an answer, and where damage is noted.
type Rest = (Frames, Arc<(Arc<Instance>, Arc<OpenVault>)>);
/// Records, and what is left after them.
type Batch = Option<(Bytes, Rest)>;
/// The content of a record.
type Content = Result<Vec<u8>, FrameFailure>;

fn read_frames(rest: Rest) -> Result<Batch, vault::Error> {
    read_batch(rest, |frames| {
        frames.next().map(|FrameAnswer { id, frame }| (id, frame.map(|frame| frame.encode())))
    })
}

fn read_ids(rest: Rest) -> Result<Batch, vault::Error> {
    read_batch(rest, |frames| frames.next_ids().map(|(id, ids)| (id, ids.map(|ids| write_ids(&ids)))))
}

/// The next records, at least one, and the frames that are left.
fn read_batch(
    (mut frames, to_note): Rest,
    next: fn(&mut Frames) -> Option<(FrameId, Content)>,
) -> Result<Batch, vault::Error> {
    let mut batch = Vec::new();
    let mut damaged = Vec::new();
    while batch.len() < BATCH_BYTES {
        let Some((id, content)) = next(&mut frames) else { break };
        if let Err(FrameFailure::Damaged) = content {
            damaged.push(Damaged::frame(id.pack, id.frame));
        }
        write_record(id, content, &mut batch);
    }
    if !damaged.is_empty() {
        note(&to_note.0, &to_note.1, damaged);
    }
    Ok((!batch.is_empty()).then(|| (batch.into(), (frames, to_note))))
}

/// Notes damage before the agent learns of it, so that its next backup brings it anew. What fails here is found again.
fn note(instance: &Arc<Instance>, open: &Arc<OpenVault>, damaged: Vec<Damaged>) {
    let noting = tokio::time::timeout(NOTE_TIME, damage::note_frames(instance, open, damaged));
    let failed = match Handle::current().block_on(noting) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(late) => late.to_string(),
    };
    tracing::warn!(vault = %open.vault().id(), error = failed, "damage could not be noted");
}

fn write_record(id: FrameId, content: Content, out: &mut Vec<u8>) {
    match content {
        Ok(record) => {
            out.extend_from_slice(&frame_header(record.len() as u32));
            out.extend_from_slice(&record);
        }
        Err(failure) => {
            if failure != FrameFailure::NotFound {
                tracing::error!(pack = %id.pack, frame = id.frame, %failure, "a frame cannot be given");
            }
            out.extend_from_slice(&frame_refusal(code(failure)));
        }
    }
}

fn code(failure: FrameFailure) -> Code {
    match failure {
        FrameFailure::NotFound => Code::NotFound,
        FrameFailure::Damaged => Code::DataDamaged,
        _ => Code::Internal,
    }
}
