//! A pack comes in: checked and written while it comes, acknowledged when it is durable and in the log.

use crate::counters::Totals;
use crate::http::auth::{Caller, UnderWay};
use crate::http::input::{Ids, Shown, SizedBody, collect};
use crate::http::refusal::{Handled, Refusal};
use crate::http::state::{Memory, Shared};
use crate::instance::Instance;
use crate::space::Announcement;
use crate::vaults::OpenVault;
use crate::{detached, leases, space};
use api::limits;
use api::runs::PackAnswer;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use meta::Device;
use model::{Code, LeaseId, PackId, VaultId};
use std::sync::Arc;
use vault::{PackReceipt, PackReceiver};

/// Log entries between two merges of the index.
const MERGE_EVERY: u64 = 64;
/// What is collected before a thread writes it: threads do not wait for slow agents.
const PART_BYTES: usize = 1 << 20;

/// Receives a pack.
pub(in crate::http) async fn receive(
    State(shared): State<Shared>,
    Caller(device): Caller,
    under_way: UnderWay,
    Ids((vault, lease, pack)): Ids<(VaultId, LeaseId, PackId)>,
    Shown(counter): Shown,
    SizedBody { length, body }: SizedBody<{ limits::PACK }>,
) -> Handled<Json<PackAnswer>> {
    let instance = shared.instance.clone();
    let (open, _) = leases::claim(&instance, &device, vault, lease, counter).await?;
    let mut announcement = space::announce(&instance, &shared.announced, length).await?;
    let receiver = {
        let open = open.clone();
        shared.job(move || open.vault().receive_pack(lease, pack)).await?
    };
    let (receiver, memory) = feed(&shared, receiver, body, &device, length, &mut announcement).await?;
    // From here on it is done whether the agent waits or not.
    let at = shared.clone();
    let receipt = detached(async move {
        let _kept = under_way;
        let work = at.work_memory(receiver.finish_bytes()).await?;
        let receipt = at.job(move || receiver.finish()).await?;
        drop((memory, work, announcement));
        count(&instance, lease, length, receipt).await;
        Ok(receipt)
    })
    .await?;
    if receipt.stored {
        merge_now_and_then(&shared, open, receipt.sequence);
    }
    Ok(Json(PackAnswer { stored: receipt.stored, sequence: receipt.sequence }))
}

async fn count(instance: &Arc<Instance>, lease: LeaseId, length: u64, receipt: PackReceipt) {
    if receipt.stored {
        instance.uploads.add(lease, length);
    }
    let change = |totals: &mut Totals| {
        if receipt.stored {
            totals.packs += 1;
            totals.received_bytes += length;
            totals.chunks += receipt.chunks;
            totals.duplicate_chunks += receipt.known_chunks;
        } else {
            totals.duplicate_packs += 1;
        }
    };
    instance.counters.add(change).await;
}

/// Each pack is a segment of its own, and every look-up goes through all of them. What is left out since another
/// vault's index is merged follows later, or comes with a cleanup.
fn merge_now_and_then(shared: &Shared, open: Arc<OpenVault>, sequence: u64) {
    if !sequence.is_multiple_of(MERGE_EVERY) {
        return;
    }
    let Some(place) = shared.merge() else { return };
    tokio::task::spawn_blocking(move || {
        let _place = place;
        match open.vault().merge_segments() {
            Ok(_) | Err(vault::Error::Busy { .. }) => {}
            Err(error) => tracing::warn!(%error, "the index could not be merged"),
        }
    });
}

async fn feed(
    shared: &Shared,
    mut receiver: PackReceiver,
    mut body: Body,
    device: &Device,
    length: u64,
    announcement: &mut Announcement,
) -> Handled<(PackReceiver, Option<Memory>)> {
    let (mut received, mut memory) = (0, None);
    let mut part = Vec::with_capacity(PART_BYTES.min(length as usize));
    loop {
        let is_end = !collect(&mut body, PART_BYTES, &mut part).await?;
        let part_bytes = part.len() as u64;
        received += part_bytes;
        if received > length {
            return Err(Refusal::new(Code::RequestInvalid, "the body is longer than it says"));
        }
        (receiver, part) = shared
            .job(move || {
                receiver.feed(&part)?;
                part.clear();
                Ok::<_, vault::Error>((receiver, part))
            })
            .await?;
        announcement.written(part_bytes);
        // Frames go to the store as they come. What follows them stays, and its length is known as it begins.
        if memory.is_none()
            && let Some(frames_end) = receiver.frames_end()
        {
            memory = shared.table_memory_for(device.id, length.saturating_sub(frames_end)).await?;
        }
        if is_end {
            return Ok((receiver, memory));
        }
    }
}
