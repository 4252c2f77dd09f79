//! Commits: the record is checked, written into the store, and then known to the database.

use crate::activation::vault_of;
use crate::events::ServerEvent;
use crate::instance::Instance;
use crate::vaults::OpenVault;
use crate::{Error, Result, blocking, damage, events, quota};
use bytes::Bytes;
use meta::{Device, Lease, LeaseClaim, NewSnapshot, REPLACED, SnapshotRow};
use model::{Code, Damaged, SnapshotId, Timestamp};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use vault::{Hold, LeaseGrant};

/// How long a lease lives at least once its commit has begun: more than a commit takes.
const HOLD: Duration = Duration::from_secs(3_600);

/// Refuses what [`commit`] would refuse whatever the record says: no such lease, and not committed before either.
pub async fn expect(
    instance: &Arc<Instance>,
    device: &Device,
    claim: &LeaseClaim,
    snapshot: SnapshotId,
) -> Result<()> {
    vault_of(instance, device, claim.vault).await?;
    let before = instance.meta.snapshot_in(claim.vault, snapshot).await?;
    if before.is_some_and(|row| row.snapshot.device == claim.device) {
        return Ok(());
    }
    instance.meta.use_lease(claim, instance.clock.now()).await?;
    Ok(())
}

/// Commits a snapshot. The same record again gives the row of the first time, whatever became of the lease.
pub async fn commit(
    instance: &Arc<Instance>,
    device: &Device,
    claim: LeaseClaim,
    snapshot: SnapshotId,
    record: Bytes,
) -> Result<NewSnapshot> {
    let open = vault_of(instance, device, claim.vault).await?;
    let hash = *blake3::hash(&record).as_bytes();
    // One at a time: a commit that is refused takes its record back, which must not be another's that was accepted.
    // Nor while the database is compared with the store, which would take the record for one that it has to adopt.
    let _committing = open.commits.lock().await;
    if let Some(first) = committed_before(instance, &claim, snapshot, hash).await? {
        return Ok(first);
    }
    // Before the lease is looked at, until the database knows the snapshot: cleanup waits for it.
    let hold = Arc::new(open.vault().hold());
    let now = instance.clock.now();
    let lease = instance.meta.use_lease(&claim, now).await?;
    if instance.meta.snapshot(snapshot).await?.is_some() {
        return Err(taken(snapshot));
    }
    let sequence = instance.meta.begin_commit(&claim, now, now.after(HOLD)).await?;
    let damaged = damage::known(instance, claim.vault).await?.into_iter().collect();
    let terms = Terms { device: device.clone(), lease, damaged };
    let new = store(instance, &open, &hold, terms, snapshot, record, sequence).await?;
    let new = NewSnapshot { stored_bytes: instance.uploads.take(claim.lease), ..new };
    let committed = instance.clock.now();
    let done = match instance.meta.commit_snapshot(&new, &claim, committed).await {
        Ok(done) => done,
        Err(error) => {
            withdraw(instance, &open, &hold, snapshot).await;
            return Err(match error {
                // Of another vault, and just now: this vault's own were looked at above.
                meta::Error::SnapshotConflict { .. } => taken(snapshot),
                other => other.into(),
            });
        }
    };
    drop(hold);
    for old in done.replaced {
        hide_replaced(&open, old, committed).await;
    }
    if !done.repeated {
        let complete = new.complete;
        tracing::info!(%snapshot, device = %device.id, vault = %claim.vault, complete, "snapshot committed");
        instance.counters.add(|totals| totals.snapshots += 1).await;
        events::note(instance, device.id, ServerEvent::SnapshotCommitted, told(&new)).await;
    }
    Ok(done.row.snapshot)
}

/// What the log of its device says of a snapshot.
fn told(new: &NewSnapshot) -> Value {
    let NewSnapshot { id, set, complete, files, bytes, findings, .. } = new;
    json!({
        "snapshot": id, "set": set, "complete": complete,
        "files": files, "bytes": bytes, "findings": findings,
    })
}

/// The agent drew an id that a snapshot of another vault has. The answer is that to a record which cannot be used: what
/// others have is nobody's business.
fn taken(snapshot: SnapshotId) -> Error {
    tracing::warn!(%snapshot, "a commit with the id of a snapshot of another vault was refused");
    Error::refused(Code::SnapshotInvalid, "the record cannot be used")
}

/// What a commit is checked by.
struct Terms {
    device: Device,
    lease: Lease,
    /// What it may not refer to.
    damaged: HashSet<Damaged>,
}

/// The row of the same commit, when it was made before.
async fn committed_before(
    instance: &Arc<Instance>,
    claim: &LeaseClaim,
    snapshot: SnapshotId,
    hash: [u8; 32],
) -> Result<Option<NewSnapshot>> {
    let Some(SnapshotRow { snapshot: first, .. }) = instance.meta.snapshot_in(claim.vault, snapshot).await?
    else {
        return Ok(None);
    };
    if first.record_hash == hash && first.device == claim.device {
        return Ok(Some(first));
    }
    Err(meta::Error::SnapshotConflict { snapshot }.into())
}

/// Checks the record, and what its user may have, and makes it durable. What lies in the store already, from a commit
/// that was cut off, is taken as it is.
async fn store(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    hold: &Arc<Hold>,
    terms: Terms,
    snapshot: SnapshotId,
    record: Bytes,
    sequence: u64,
) -> Result<NewSnapshot> {
    let (instance, open, hold) = (instance.clone(), open.clone(), hold.clone());
    blocking(move || {
        let vault = open.vault();
        let Terms { device, lease, damaged } = terms;
        let grant = LeaseGrant { id: lease.id, epoch: lease.epoch };
        let checked = vault.check_commit(&hold, &grant, snapshot, &record, &damaged)?;
        let clear = checked.clear();
        if clear.device != device.id || clear.set != lease.set {
            let detail = "the record belongs to another device or set than the lease";
            return Err(Error::refused(Code::SnapshotInvalid, detail));
        }
        if clear.complete {
            // One commit at a time in a vault, so what was counted stays true until the snapshot is there.
            let (of, bytes) = ((device.id, lease.set), clear.counts.bytes);
            Handle::current().block_on(quota::check_commit(&instance, device.user, of, bytes))?;
        }
        let receipt = vault.commit(&checked, Some(sequence))?;
        Ok(NewSnapshot {
            id: snapshot,
            vault: clear.vault,
            device: clear.device,
            set: clear.set,
            sequence: receipt.sequence,
            received: receipt.received,
            files: clear.counts.files,
            bytes: clear.counts.bytes,
            stored_bytes: 0,
            findings: clear.counts.findings,
            complete: clear.complete,
            record_hash: checked.record_hash(),
        })
    })
    .await
}

/// Takes the record back that the database refused. When that fails too the next comparison adopts it, which is
/// right as well: everything that it refers to was checked and is there.
async fn withdraw(instance: &Arc<Instance>, open: &Arc<OpenVault>, hold: &Arc<Hold>, snapshot: SnapshotId) {
    // An error may hide that the row was stored.
    match instance.meta.snapshot_in(open.vault().id(), snapshot).await {
        Ok(None) => {}
        Ok(Some(_)) => return,
        Err(error) => return tracing::warn!(%snapshot, %error, "a refused snapshot is left for a comparison"),
    }
    let (open, hold) = (open.clone(), hold.clone());
    if let Err(error) = blocking(move || open.vault().withdraw_snapshot(&hold, snapshot)).await {
        tracing::warn!(%snapshot, %error, "a refused snapshot could not be taken back");
    }
}

/// Writes the deletion record of a checkpoint that was replaced. Until then the database alone knows of it; a
/// comparison writes it too.
async fn hide_replaced(open: &Arc<OpenVault>, snapshot: SnapshotId, time: Timestamp) {
    let open = open.clone();
    if let Err(error) = blocking(move || open.vault().delete_snapshot_at(snapshot, REPLACED, time)).await {
        tracing::warn!(%snapshot, %error, "a replaced checkpoint could not be hidden in the store");
    }
}
