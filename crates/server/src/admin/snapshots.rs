//! `snapshot list`, `snapshot delete` and `snapshot undelete`.

use super::{CONSOLE, show_time, users};
use crate::instance::Instance;
use crate::names::show_bytes;
use crate::{Error, Result, blocking, cleanup};
use meta::{Device, SnapshotRow, SnapshotScope, User, Vault};
use model::{Code, DeviceId, SetId, SnapshotId, Timestamp, UserId, VaultId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The shortest beginning of an id that is taken for it.
const PREFIX_MIN: usize = 4;

/// A snapshot, as lists show it. Names of sets and paths are sealed to the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotView {
    /// Its id.
    pub id: SnapshotId,
    /// The user's name.
    pub user: String,
    /// The device.
    pub device: DeviceId,
    /// The device's name.
    pub device_name: String,
    /// Its vault.
    pub vault: VaultId,
    /// Its set.
    pub set: SetId,
    /// The vault's number of it.
    pub sequence: u64,
    /// When it was received.
    pub time: Timestamp,
    /// False for a checkpoint.
    pub complete: bool,
    /// Files in it.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// What was uploaded for it.
    pub stored_bytes: u64,
    /// Findings in it.
    pub findings: u64,
    /// When it was deleted.
    pub deleted: Option<Timestamp>,
    /// Who deleted it.
    pub deleted_by: Option<String>,
}

/// What became of the snapshots that were named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedView {
    /// `deleted` or `undeleted`.
    pub action: String,
    /// The snapshots.
    pub snapshots: Vec<SnapshotId>,
    /// Until when they can be brought back.
    pub undo_until: Option<Timestamp>,
}

/// Lists snapshots, newest first.
pub(super) async fn list(
    instance: &Arc<Instance>,
    user: Option<&str>,
    deleted: bool,
) -> Result<Vec<SnapshotView>> {
    let only = match user {
        Some(name) => Some(users::find(instance, name).await?.id),
        None => None,
    };
    let meta = &instance.meta;
    let vaults: HashMap<VaultId, Vault> =
        meta.vaults(only).await?.into_iter().map(|vault| (vault.id, vault)).collect();
    // Opening compares them with the store, so that the list has what is there.
    for id in vaults.keys() {
        instance.vault(*id).await?;
    }
    let devices: HashMap<DeviceId, Device> =
        meta.devices(only).await?.into_iter().map(|device| (device.id, device)).collect();
    let users: HashMap<UserId, User> = meta.users().await?.into_iter().map(|user| (user.id, user)).collect();
    let rows = meta.snapshots(SnapshotScope::Everything, deleted).await?;
    let view = |SnapshotRow { snapshot, deleted }: SnapshotRow| {
        let user = vaults.get(&snapshot.vault)?.user;
        Some(SnapshotView {
            id: snapshot.id,
            user: users.get(&user).map(|user| user.name.clone()).unwrap_or_default(),
            device: snapshot.device,
            device_name: devices.get(&snapshot.device).map(|device| device.name.clone()).unwrap_or_default(),
            vault: snapshot.vault,
            set: snapshot.set,
            sequence: snapshot.sequence,
            time: snapshot.received,
            complete: snapshot.complete,
            files: snapshot.files,
            bytes: snapshot.bytes,
            stored_bytes: snapshot.stored_bytes,
            findings: snapshot.findings,
            deleted: deleted.as_ref().map(|deleted| deleted.time),
            deleted_by: deleted.map(|deleted| deleted.by),
        })
    };
    Ok(rows.into_iter().filter_map(view).collect())
}

/// Hides snapshots.
pub(super) async fn delete(instance: &Arc<Instance>, ids: &[String]) -> Result<ChangedView> {
    let rows = find(instance, ids).await?;
    let mut snapshots = Vec::new();
    for row in &rows {
        let open = instance.vault(row.snapshot.vault).await?;
        cleanup::hide(instance, &open, row.snapshot.id, CONSOLE).await?;
        tracing::info!(snapshot = %row.snapshot.id, "snapshot deleted");
        snapshots.push(row.snapshot.id);
    }
    let undo_until = Some(instance.clock.now().after(instance.settings().undo()));
    Ok(ChangedView { action: "deleted".to_owned(), snapshots, undo_until })
}

/// Brings snapshots back: in the store first, as that decides.
pub(super) async fn undelete(instance: &Arc<Instance>, ids: &[String]) -> Result<ChangedView> {
    let rows = find(instance, ids).await?;
    let mut snapshots = Vec::new();
    for row in &rows {
        let id = row.snapshot.id;
        if row.deleted.as_ref().is_some_and(|deleted| deleted.by == meta::REPLACED) {
            return Err(meta::Error::CheckpointReplaced { snapshot: id }.into());
        }
        let open = instance.vault(row.snapshot.vault).await?;
        blocking(move || open.vault().undelete_snapshot(id)).await?;
        instance.meta.undelete_snapshot(id).await?;
        tracing::info!(snapshot = %id, "snapshot brought back");
        snapshots.push(id);
    }
    Ok(ChangedView { action: "undeleted".to_owned(), snapshots, undo_until: None })
}

/// The snapshots with these ids or beginnings of ids; all or none.
async fn find(instance: &Arc<Instance>, ids: &[String]) -> Result<Vec<SnapshotRow>> {
    let rows = instance.meta.snapshots(SnapshotScope::Everything, true).await?;
    let mut found: Vec<SnapshotRow> = Vec::new();
    for text in ids {
        let text = text.to_ascii_lowercase();
        let fits = |row: &&SnapshotRow| row.snapshot.id.to_string().starts_with(&text);
        let mut candidates = rows.iter().filter(fits);
        let row = candidates.next().filter(|_| text.len() >= PREFIX_MIN);
        let row =
            row.ok_or_else(|| Error::refused(Code::SnapshotUnknown, format!("there is no snapshot {text}")))?;
        if candidates.next().is_some() {
            return Err(Error::refused(
                Code::SnapshotUnknown,
                format!("more than one snapshot begins with {text}"),
            ));
        }
        if !found.contains(row) {
            found.push(row.clone());
        }
    }
    Ok(found)
}

/// The list for people.
pub(super) fn write_list(list: &[SnapshotView], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if list.is_empty() {
        return writeln!(f, "There are no snapshots.");
    }
    let width = |of: fn(&SnapshotView) -> &str, least: usize| {
        list.iter().map(|view| of(view).chars().count()).max().unwrap_or(0).max(least)
    };
    let (user, device) = (width(|view| &view.user, 4), width(|view| &view.device_name, 6));
    writeln!(
        f,
        "{:32}  {:23}  {:user$}  {:device$}  {:>9}  {:>10}  {:>8}  state",
        "id", "time", "user", "device", "files", "size", "findings"
    )?;
    for view in list {
        let state = match (&view.deleted, view.complete) {
            (Some(_), _) => format!("deleted by {}", view.deleted_by.as_deref().unwrap_or("?")),
            (None, true) => "complete".to_owned(),
            (None, false) => "checkpoint".to_owned(),
        };
        writeln!(
            f,
            "{}  {:23}  {:user$}  {:device$}  {:>9}  {:>10}  {:>8}  {state}",
            view.id,
            show_time(view.time),
            view.user,
            view.device_name,
            view.files,
            show_bytes(view.bytes),
            view.findings,
        )?;
    }
    Ok(())
}

impl fmt::Display for ChangedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let did = if self.action == "deleted" { "Deleted" } else { "Brought back" };
        for id in &self.snapshots {
            writeln!(f, "{did} {id}.")?;
        }
        match self.undo_until {
            Some(until) => writeln!(f, "Until {}: holdfast-server snapshot undelete ID", show_time(until)),
            None => Ok(()),
        }
    }
}
