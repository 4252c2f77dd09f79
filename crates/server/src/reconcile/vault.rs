//! The snapshots of one vault: objects in the store against rows in the database.

use crate::cleanup::is_over;
use crate::damage::require_store;
use crate::instance::Instance;
use crate::vaults::OpenVault;
use crate::{Result, blocking};
use meta::{Adoption, Deletion, Device, NewSnapshot, REPLACED, SnapshotRow, SnapshotScope, Standing, State};
use model::{DeviceId, SetId, SnapshotId, Timestamp, VaultId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use vault::{Deleted, RecordFault, SnapshotInfo};

/// Who deleted a snapshot, as long as nothing tells.
const UNKNOWN: &str = "unknown";

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Snapshots that the database did not know.
    pub adopted: u64,
    /// Snapshots of the database that the store does not have, although their time is not over.
    pub missing: Vec<SnapshotId>,
    /// Snapshots of the store whose records cannot be read, whether the database knows them or not.
    pub unreadable: Vec<SnapshotId>,
    /// Hidden snapshots whose deletion record cannot be read and could not be written anew.
    pub unreadable_deletions: Vec<SnapshotId>,
    /// Snapshots of the store whose id another vault's snapshot has in the database. They stay where they are.
    pub conflicting: Vec<SnapshotId>,
}

/// Writes the copy of a format record anew that is missing or damaged. What could not be written is given back.
pub async fn mend_record(open: &Arc<OpenVault>) -> Result<Vec<RecordFault>> {
    let vault = open.vault().id();
    let faults = {
        let open = open.clone();
        blocking(move || open.vault().mend_record()).await?
    };
    let mut unmended = Vec::new();
    for fault in faults {
        let RecordFault { key, problem, unmended: failed } = &fault;
        match (problem, failed) {
            // Made by a version that kept one, or cut off while it was made.
            (None, None) => {
                tracing::info!(%vault, %key, "a copy of the format record was missing; it was written");
            }
            (Some(problem), None) => {
                tracing::warn!(%vault, %key, %problem, "a copy of the format record was damaged; it was written anew");
            }
            (_, Some(error)) => {
                tracing::error!(%vault, %key, %error, "a copy of the format record could not be written anew");
                unmended.push(fault);
            }
        }
    }
    Ok(unmended)
}

/// Rebuilds an index that cannot be used from the packs: without it nothing can be uploaded.
pub async fn mend_index(open: &Arc<OpenVault>) -> Result<()> {
    let Some(problem) = open.vault().log_problem() else { return Ok(()) };
    let vault = open.vault().id();
    tracing::error!(%vault, %problem, "the index cannot be used; it is rebuilt from the packs");
    let open = open.clone();
    let report = blocking(move || open.vault().rebuild_index()).await?;
    tracing::warn!(%vault, ?report, "the index was rebuilt");
    Ok(())
}

/// Compares a vault and adopts what the database does not know. Nothing is committed meanwhile.
pub async fn compare(instance: &Arc<Instance>, open: &Arc<OpenVault>) -> Result<Compared> {
    let _no_commits = open.commits.lock().await;
    let id = open.vault().id();
    let list = {
        let open = open.clone();
        blocking(move || open.vault().snapshots()).await?
    };
    let rows = instance.meta.snapshots(SnapshotScope::Vault(id), true).await?;
    let known: HashSet<SnapshotId> = rows.iter().map(|row| row.snapshot.id).collect();
    let stored: HashMap<SnapshotId, &SnapshotInfo> =
        list.snapshots.iter().map(|info| (info.id, info)).collect();
    let (now, undo) = (instance.clock.now(), instance.settings().undo());
    let mut compared = Compared { unreadable: list.unreadable, ..Compared::default() };
    let mut new: Vec<&SnapshotInfo> = Vec::new();
    for info in list.snapshots.iter().filter(|info| !known.contains(&info.id)) {
        // The agent draws ids, so it can draw one that another vault has. That must not close this one.
        match instance.meta.snapshot(info.id).await? {
            None => new.push(info),
            Some(_) => compared.conflicting.push(info.id),
        }
    }
    compared.adopted = new.len() as u64;
    adopt(instance, id, &new).await?;
    for row in &rows {
        let id = row.snapshot.id;
        match stored.get(&id) {
            Some(info) => {
                if !agree_on_deletion(instance, open, row, info).await? {
                    compared.unreadable_deletions.push(id);
                }
            }
            None if compared.unreadable.contains(&id) => {}
            // Cleanup removed its objects and was cut off: the row is what is left.
            None if is_over(row, now, undo) => {
                instance.meta.remove_snapshot(id).await?;
            }
            None => compared.missing.push(id),
        }
    }
    if !new.is_empty() {
        tracing::warn!(vault = %id, snapshots = compared.adopted, "snapshots were adopted from the object store");
        let known = list.snapshots.iter().filter(|info| !compared.conflicting.contains(&info.id));
        replace_checkpoints(instance, open, &known.collect::<Vec<_>>()).await?;
    }
    if !compared.conflicting.is_empty() {
        let snapshots = &compared.conflicting;
        tracing::error!(vault = %id, ?snapshots, "snapshots have ids of snapshots of another vault");
    }
    if !compared.missing.is_empty() {
        tracing::error!(vault = %id, snapshots = ?compared.missing, "snapshots are missing in the object store");
    }
    if !compared.unreadable.is_empty() {
        tracing::error!(vault = %id, snapshots = ?compared.unreadable, "records of snapshots cannot be read");
    }
    Ok(compared)
}

async fn adopt(instance: &Arc<Instance>, vault: VaultId, new: &[&SnapshotInfo]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let known: HashSet<DeviceId> =
        instance.meta.devices(None).await?.into_iter().map(|device| device.id).collect();
    let user = instance.meta.vault(vault).await?.ok_or(meta::Error::VaultUnknown { vault })?.user;
    let mut adoption = Adoption::default();
    let mut made = HashSet::new();
    for info in new {
        if !known.contains(&info.device) && made.insert(info.device) {
            // Its object was lost; what it backed up is not.
            adoption.devices.push(Device {
                id: info.device,
                user,
                vault: Some(vault),
                name: format!("recovered-{}", &info.device.to_string()[..8]),
                os: String::new(),
                recipient: None,
                secret_hash: None,
                former_secrets: Vec::new(),
                standing: Standing::of(State::Deactivated, info.received),
                created: info.received,
                last_seen: None,
                last_backup: None,
            });
        }
        adoption.snapshots.push(row(vault, info, instance));
    }
    instance.meta.adopt(&adoption).await?;
    Ok(())
}

fn row(vault: VaultId, info: &SnapshotInfo, instance: &Instance) -> SnapshotRow {
    let deletion = |deleted: &Deleted| deletion(deleted, instance);
    SnapshotRow {
        snapshot: NewSnapshot {
            id: info.id,
            vault,
            device: info.device,
            set: info.set,
            sequence: info.sequence,
            received: info.received,
            files: info.counts.files,
            bytes: info.counts.bytes,
            stored_bytes: 0,
            findings: info.counts.findings,
            complete: info.complete,
            record_hash: info.record_hash,
        },
        deleted: info.deleted.as_ref().map(deletion),
    }
}

/// The database needs a time; that of a record that cannot be read counts from now.
fn deletion(deleted: &Deleted, instance: &Instance) -> Deletion {
    match deleted.time {
        Some(time) => Deletion { time, by: deleted.by.clone() },
        None => Deletion { time: instance.clock.now(), by: UNKNOWN.to_owned() },
    }
}

/// The deletion record decides, except for a checkpoint that was replaced: the database knows that first. False when
/// the record cannot be read nor written anew.
async fn agree_on_deletion(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    row: &SnapshotRow,
    info: &SnapshotInfo,
) -> Result<bool> {
    match (&row.deleted, &info.deleted) {
        (None, Some(deleted)) => {
            let known = deletion(deleted, instance);
            instance.meta.delete_snapshot(info.id, &known.by, known.time).await?;
            if deleted.time.is_none() {
                return Ok(mend_deletion(open, info.id, known).await);
            }
        }
        // Without a time it would never be over in the store, but in the database.
        (Some(known), Some(Deleted { time: None, .. })) => {
            return Ok(mend_deletion(open, info.id, known.clone()).await);
        }
        (Some(deleted), None) if deleted.by == REPLACED => hide(open, info.id, deleted.time).await?,
        (Some(_), None) => {
            instance.meta.undelete_snapshot(info.id).await?;
        }
        // It was brought back and deleted again since the database was copied.
        (Some(known), Some(Deleted { time: Some(time), by }))
            if known.time != *time && known.by != REPLACED =>
        {
            instance.meta.undelete_snapshot(info.id).await?;
            instance.meta.delete_snapshot(info.id, by, *time).await?;
        }
        _ => {}
    }
    Ok(true)
}

/// Writes a deletion record that cannot be read anew, as the database knows it. False when that failed.
async fn mend_deletion(open: &Arc<OpenVault>, id: SnapshotId, known: Deletion) -> bool {
    let vault = open.clone();
    match blocking(move || vault.vault().mend_deletion(id, known.time, &known.by)).await {
        Ok(_) => {
            tracing::warn!(snapshot = %id, "a deletion record could not be read and was written anew");
            true
        }
        Err(error) => {
            tracing::error!(snapshot = %id, %error, "a deletion record can neither be read nor written anew");
            false
        }
    }
}

/// Forgets a snapshot that the store does not have, because an administrator gives it up.
pub async fn forget_lost(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    id: SnapshotId,
    by: &str,
) -> Result<()> {
    let _no_commits = open.commits.lock().await;
    let at = instance.clone();
    // On a disk that was taken away everything seems to be lost.
    blocking(move || require_store(&at)).await?;
    instance.meta.delete_snapshot(id, by, instance.clock.now()).await?;
    instance.meta.remove_snapshot(id).await?;
    tracing::warn!(snapshot = %id, by, "a snapshot that the store has lost was given up");
    Ok(())
}

/// What the commits would have done that the database never saw: of each set of each device the newest checkpoint
/// stays, if it is newer than the newest complete snapshot. Set ids come from the devices, so one alone says nothing.
async fn replace_checkpoints(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    ascending: &[&SnapshotInfo],
) -> Result<()> {
    let mut newest: HashMap<(DeviceId, SetId), SnapshotId> = HashMap::new();
    for info in ascending.iter().filter(|info| info.deleted.is_none()) {
        newest.insert((info.device, info.set), info.id);
    }
    for info in ascending.iter().filter(|info| info.deleted.is_none() && !info.complete) {
        if newest.get(&(info.device, info.set)) != Some(&info.id) {
            let now = instance.clock.now();
            hide(open, info.id, now).await?;
            instance.meta.delete_snapshot(info.id, REPLACED, now).await?;
        }
    }
    Ok(())
}

async fn hide(open: &Arc<OpenVault>, id: SnapshotId, time: Timestamp) -> Result<()> {
    let open = open.clone();
    blocking(move || open.vault().delete_snapshot_at(id, REPLACED, time)).await.map(drop)
}
