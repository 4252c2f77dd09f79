//! Users and devices: taken out of use, deleted, brought back, replaced, and removed for good.

use crate::events::ServerEvent;
use crate::instance::Instance;
use crate::{Error, Result, cleanup, events};
use meta::{Change, Device, SnapshotScope, State, User};
use model::{Code, DeviceId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

/// `deleted.by` of the snapshots of a device that was removed.
pub const REMOVAL: &str = "removal";

/// What was removed for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Users.
    pub users: u64,
    /// Devices, those of the users included.
    pub devices: u64,
    /// Their snapshots, which are hidden now.
    pub snapshots: u64,
}

/// Changes where a device stands, in the name of `by`.
pub async fn change_device(
    instance: &Arc<Instance>,
    device: DeviceId,
    change: Change,
    by: &str,
) -> Result<Device> {
    let now = instance.clock.now();
    let changed = instance.meta.change_device(device, change, now).await;
    let device = changed.map_err(|error| conflict(error, "the device"))?;
    tracing::info!(device = %device.id, state = %device.standing.state, by, "device changed");
    // Before the store, which may be slow: the database has it.
    instance.channels.wake(device.id);
    instance.mirror_device(device.id).await?;
    if device.standing.since == now {
        let params = json!({"state": device.standing.state.as_str(), "by": by});
        events::note(instance, device.id, ServerEvent::StateChanged, params).await;
    }
    Ok(device)
}

/// Changes where a user stands, in the name of `by`.
pub async fn change_user(instance: &Arc<Instance>, user: UserId, change: Change, by: &str) -> Result<User> {
    let now = instance.clock.now();
    let changed = instance.meta.change_user(user, change, now).await;
    let user = changed.map_err(|error| conflict(error, "the user"))?;
    tracing::info!(user = %user.name, state = %user.standing.state, by, "user changed");
    instance.channels.wake_all();
    instance.mirror_user(user.id).await?;
    if user.standing.since == now {
        for device in instance.meta.devices(Some(user.id)).await? {
            let params = json!({"user_state": user.standing.state.as_str(), "by": by});
            events::note(instance, device.id, ServerEvent::StateChanged, params).await;
        }
    }
    Ok(user)
}

/// Says whose state is in the way.
fn conflict(error: meta::Error, whose: &str) -> Error {
    match error {
        meta::Error::StateConflict { state } => {
            Error::refused(Code::StateConflict, format!("{whose} is {state}"))
        }
        other => other.into(),
    }
}

/// Removes what was deleted and can no longer be brought back. Snapshots first: cut off in between, the next call
/// finds the device still there. The hidden snapshots can be brought back one by one for the undo time of snapshots,
/// as after any other deletion; then cleanup frees their space.
pub async fn remove_overdue(instance: &Arc<Instance>) -> Result<Removed> {
    let now = instance.clock.now();
    let mut removed = Removed::default();
    let users: Vec<User> =
        instance.meta.users().await?.into_iter().filter(|user| user.standing.is_overdue(now)).collect();
    let gone: HashSet<UserId> = users.iter().map(|user| user.id).collect();
    for device in instance.meta.devices(None).await? {
        let is_removed = device.standing.state == State::Removed;
        if is_removed || !(gone.contains(&device.user) || device.standing.is_overdue(now)) {
            continue;
        }
        removed.snapshots += hide_snapshots(instance, &device).await?;
        change_device(instance, device.id, Change::Remove, REMOVAL).await?;
        removed.devices += 1;
    }
    for user in users {
        change_user(instance, user.id, Change::Remove, REMOVAL).await?;
        removed.users += 1;
    }
    Ok(removed)
}

/// Hides what a device has backed up. Gives the number of snapshots.
async fn hide_snapshots(instance: &Arc<Instance>, device: &Device) -> Result<u64> {
    let mut hidden = 0;
    for vault in instance.meta.vaults(Some(device.user)).await? {
        let rows = instance.meta.snapshots(SnapshotScope::Vault(vault.id), false).await?;
        let own = rows.iter().filter(|row| row.snapshot.device == device.id);
        for row in own {
            let open = instance.vault(vault.id).await?;
            match cleanup::hide(instance, &open, row.snapshot.id, REMOVAL).await {
                Ok(_) => hidden += 1,
                // The store has lost it. `check` tells so, and there is nothing to hide.
                Err(Error::Vault(vault::Error::SnapshotUnknown { .. })) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(hidden)
}
