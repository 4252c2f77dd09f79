//! `snapshot list`, `snapshot delete` and `snapshot undelete`.

use super::{CONSOLE, show_time, users};
use crate::instance::Instance;
use crate::names::show_bytes;
use crate::vaults::OpenVault;
use crate::{Error, Result, blocking, cleanup, reconcile};
use meta::{Device, SnapshotRow, SnapshotScope, User, Vault};
use model::code::exit;
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

/// The snapshots of all vaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotsView {
    /// Newest first.
    pub snapshots: Vec<SnapshotView>,
    /// Why vaults could not be compared with the store, so that what is listed of them may be out of date.
    pub problems: Vec<String>,
}

impl SnapshotsView {
    /// That of damage when a vault could not be looked at.
    pub(super) fn exit_status(&self) -> u8 {
        if self.problems.is_empty() { exit::COMPLETE } else { exit::DAMAGED }
    }

    /// The problems, for people.
    pub(super) fn remark(&self) -> Option<String> {
        (!self.problems.is_empty()).then(|| self.problems.iter().map(|line| format!("{line}\n")).collect())
    }
}

/// What became of the snapshots that were named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedView {
    /// `deleted` or `undeleted`.
    pub action: String,
    /// The snapshots.
    pub snapshots: Vec<SnapshotId>,
    /// Those that the store had lost: they are forgotten at once and cannot be brought back.
    pub forgotten: Vec<SnapshotId>,
    /// Until when they can be brought back.
    pub undo_until: Option<Timestamp>,
}

/// Lists snapshots, newest first; the trouble of one vault does not keep the others.
pub(super) async fn list(
    instance: &Arc<Instance>,
    user: Option<&str>,
    deleted: bool,
) -> Result<SnapshotsView> {
    let only = match user {
        Some(name) => Some(users::find(instance, name).await?.id),
        None => None,
    };
    let meta = &instance.meta;
    let vaults: HashMap<VaultId, Vault> =
        meta.vaults(only).await?.into_iter().map(|vault| (vault.id, vault)).collect();
    // Opening compares them with the store, so that the list has what is there.
    let mut problems = Vec::new();
    for id in vaults.keys() {
        if let Err(error) = instance.vault(*id).await {
            tracing::warn!(vault = %id, %error, "a vault was not compared with the store");
            problems.push(format!("vault {id} was not compared with the store: {error} [{}]", error.code()));
        }
    }
    problems.sort();
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
    Ok(SnapshotsView { snapshots: rows.into_iter().filter_map(view).collect(), problems })
}

/// A snapshot that a command names.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Named {
    id: SnapshotId,
    vault: VaultId,
    /// Whether it is a checkpoint that a later snapshot replaced.
    is_replaced: bool,
}

impl Named {
    fn of(row: &SnapshotRow) -> Self {
        let is_replaced = row.deleted.as_ref().is_some_and(|deleted| deleted.by == meta::REPLACED);
        Self { id: row.snapshot.id, vault: row.snapshot.vault, is_replaced }
    }
}

/// Hides snapshots. One that the store has lost is given up at once: nothing is left that could be brought back.
pub(super) async fn delete(instance: &Arc<Instance>, ids: &[String]) -> Result<ChangedView> {
    let (mut snapshots, mut forgotten, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for (Named { id, is_replaced, .. }, open) in opened(instance, find(instance, ids).await?).await? {
        match cleanup::hide(instance, &open, id, CONSOLE).await {
            Ok(deletion) => {
                tracing::info!(snapshot = %id, "snapshot deleted");
                snapshots.push(id);
                times.extend((!is_replaced).then_some(deletion.time));
            }
            Err(Error::Vault(vault::Error::SnapshotUnknown { .. })) => {
                reconcile::forget_lost(instance, &open, id, CONSOLE).await?;
                forgotten.push(id);
            }
            Err(error) => return Err(error),
        }
    }
    let undo = instance.settings().undo();
    let undo_until = times.into_iter().min().map(|time| time.after(undo));
    Ok(ChangedView { action: "deleted".to_owned(), snapshots, forgotten, undo_until })
}

/// Brings snapshots back: in the store first, as that decides.
pub(super) async fn undelete(instance: &Arc<Instance>, ids: &[String]) -> Result<ChangedView> {
    let named = find(instance, ids).await?;
    if let Some(Named { id, .. }) = named.iter().find(|named| named.is_replaced) {
        return Err(meta::Error::CheckpointReplaced { snapshot: *id }.into());
    }
    let mut snapshots = Vec::new();
    for (Named { id, .. }, open) in opened(instance, named).await? {
        let _no_comparison = open.commits.lock().await;
        let at = open.clone();
        blocking(move || at.vault().undelete_snapshot(id)).await?;
        match instance.meta.undelete_snapshot(id).await {
            // One whose record cannot be read may be known to the store alone.
            Ok(_) | Err(meta::Error::SnapshotUnknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        tracing::info!(snapshot = %id, "snapshot brought back");
        snapshots.push(id);
    }
    let (action, forgotten) = ("undeleted".to_owned(), Vec::new());
    Ok(ChangedView { action, snapshots, forgotten, undo_until: None })
}

/// The snapshots with their vaults. One that cannot be opened is no reason to stop half-way.
async fn opened(instance: &Arc<Instance>, named: Vec<Named>) -> Result<Vec<(Named, Arc<OpenVault>)>> {
    let mut opened = Vec::with_capacity(named.len());
    for one in named {
        opened.push((one, instance.vault(one.vault).await?));
    }
    Ok(opened)
}

/// The snapshots with these ids or beginnings of ids; all or none.
async fn find(instance: &Arc<Instance>, ids: &[String]) -> Result<Vec<Named>> {
    let ids: Vec<String> = ids.iter().map(|text| text.to_ascii_lowercase()).collect();
    let rows = instance.meta.snapshots(SnapshotScope::Everything, true).await?;
    let mut known: Vec<Named> = rows.iter().map(Named::of).collect();
    if !ids.iter().all(|text| known.iter().any(|named| fits(named, text))) {
        known.extend(
            unreadable(instance)
                .await?
                .into_iter()
                .filter(|one| rows.iter().all(|row| row.snapshot.id != one.id)),
        );
    }
    let mut found = Vec::new();
    for text in &ids {
        let mut candidates = known.iter().filter(|named| fits(named, text));
        let named = candidates
            .next()
            .ok_or_else(|| Error::refused(Code::SnapshotUnknown, format!("there is no snapshot {text}")))?;
        if candidates.next().is_some() {
            return Err(Error::refused(
                Code::SnapshotUnknown,
                format!("more than one snapshot begins with {text}"),
            ));
        }
        if !found.contains(named) {
            found.push(*named);
        }
    }
    Ok(found)
}

fn fits(named: &Named, text: &str) -> bool {
    text.len() >= PREFIX_MIN && named.id.to_string().starts_with(text)
}

/// Snapshots of the store whose records cannot be read, of the vaults that can be opened.
async fn unreadable(instance: &Arc<Instance>) -> Result<Vec<Named>> {
    let mut found = Vec::new();
    for meta::Vault { id: vault, .. } in instance.meta.vaults(None).await? {
        match instance.vault(vault).await {
            Ok(open) => {
                let list = blocking(move || open.vault().snapshots()).await?;
                found.extend(list.unreadable.into_iter().map(|id| Named { id, vault, is_replaced: false }));
            }
            Err(error) => {
                tracing::warn!(%vault, %error, "no snapshot is looked for in a vault that cannot be opened");
            }
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
        for id in &self.forgotten {
            writeln!(f, "Forgot {id}: the store had lost it, so it cannot be brought back.")?;
        }
        match self.undo_until {
            Some(until) => writeln!(f, "Until {}: holdfast-server snapshot undelete ID", show_time(until)),
            None => Ok(()),
        }
    }
}
