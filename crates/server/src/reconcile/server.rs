//! Users, devices and vaults: what the objects say and the database does not know, and the other way round.

use crate::instance::Instance;
use crate::mirror::Mirror;
use crate::{Result, blocking};
use blobs::{BlobStore, Key};
use format::record::FormatRecord;
use meta::{Adopted, Adoption, Device, DeviceState, User, Vault, VaultState};
use model::{UserId, VaultId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What the objects say.
struct Stored {
    users: Vec<User>,
    devices: Vec<Device>,
    /// Vaults that the database does not know.
    vaults: Vec<FormatRecord>,
    has_record: bool,
}

/// Brings users, devices and vaults together. Each vault's snapshots follow when it is opened.
pub async fn run(instance: &Arc<Instance>) -> Result<Adopted> {
    let meta = &instance.meta;
    let known_vaults: HashMap<VaultId, Vault> =
        meta.vaults(None).await?.into_iter().map(|vault| (vault.id, vault)).collect();
    let ids = instance.vaults.list().await?;
    let unknown: Vec<VaultId> = ids.into_iter().filter(|id| !known_vaults.contains_key(id)).collect();
    let stored = {
        let instance = instance.clone();
        blocking(move || read(&instance, &unknown)).await?
    };
    let users = meta.users().await?;
    let devices = meta.devices(None).await?;
    let adoption = adoption(&stored, &users, &devices, &known_vaults);
    let adopted = meta.adopt(&adoption).await?;
    if adopted != Adopted::default() {
        tracing::warn!(?adopted, "the database did not know all that the object store has; it was adopted");
    }
    end_devices(instance, &stored.devices, &devices).await?;
    write_missing(instance, stored).await?;
    Ok(adopted)
}

fn read(instance: &Instance, unknown: &[VaultId]) -> Result<Stored> {
    let mirror = Mirror(&instance.store);
    let vaults = unknown
        .iter()
        .map(|id| {
            let bytes = instance.store.read(&Key::parse(&format!("vaults/{id}/format"))?)?;
            Ok(FormatRecord::decode(&bytes)?)
        })
        .collect::<Result<_>>()?;
    let has_record = mirror.record()?.is_some();
    Ok(Stored { users: mirror.users()?, devices: mirror.devices()?, vaults, has_record })
}

fn adoption(
    stored: &Stored,
    users: &[User],
    devices: &[Device],
    known_vaults: &HashMap<VaultId, Vault>,
) -> Adoption {
    let known_users: HashSet<UserId> = users.iter().map(|user| user.id).collect();
    let known_devices: HashSet<_> = devices.iter().map(|device| device.id).collect();
    let mut adoption = Adoption {
        users: stored.users.iter().filter(|user| !known_users.contains(&user.id)).cloned().collect(),
        ..Adoption::default()
    };
    let mut all_users: HashSet<UserId> =
        known_users.iter().copied().chain(adoption.users.iter().map(|user| user.id)).collect();
    // The newest vault of a user is the open one, unless the database has one that is.
    let mut has_open: HashSet<UserId> =
        known_vaults.values().filter(|v| v.state == VaultState::Open).map(|v| v.user).collect();
    let mut newest_first: Vec<_> = stored.vaults.iter().collect();
    newest_first.sort_by_key(|record| std::cmp::Reverse((record.created, record.vault)));
    for record in newest_first {
        let FormatRecord { vault: id, user, custody, created, .. } = *record;
        if all_users.insert(user) {
            // Its object was lost. The vault is not lost with it.
            let name = format!("recovered-{}", &user.to_string()[..8]);
            adoption.users.push(User { id: user, name, created });
        }
        let state = if has_open.insert(user) { VaultState::Open } else { VaultState::Closed };
        adoption.vaults.push(Vault { id, user, custody, state, created });
    }
    let all_vaults: HashSet<VaultId> =
        known_vaults.keys().copied().chain(adoption.vaults.iter().map(|vault| vault.id)).collect();
    for device in stored.devices.iter().filter(|device| !known_devices.contains(&device.id)) {
        if all_users.contains(&device.user) {
            let vault = device.vault.filter(|vault| all_vaults.contains(vault));
            adoption.devices.push(Device { vault, ..device.clone() });
        }
    }
    adoption
}

/// A device that has ended stays so, also for an older copy of the database.
async fn end_devices(instance: &Arc<Instance>, stored: &[Device], known: &[Device]) -> Result<()> {
    for device in stored.iter().filter(|device| device.state != DeviceState::Active) {
        let is_active = |other: &Device| other.id == device.id && other.state == DeviceState::Active;
        if known.iter().any(is_active) {
            tracing::warn!(device = %device.id, state = %device.state, "the object store says that a device has ended");
            instance.meta.set_device_state(device.id, device.state).await?;
        }
    }
    Ok(())
}

/// Writes objects that a cut-off step has left out.
async fn write_missing(instance: &Arc<Instance>, stored: Stored) -> Result<()> {
    if !stored.has_record {
        instance.mirror_record().await?;
    }
    let users = instance.meta.users().await?;
    let devices = instance.meta.devices(None).await?;
    let store = instance.store.clone();
    blocking(move || {
        let mirror = Mirror(&store);
        for user in users.iter().filter(|user| !stored.users.contains(user)) {
            mirror.put_user(user)?;
        }
        let is_there =
            |device: &Device| stored.devices.iter().any(|other| Mirror::is_same_device(device, other));
        for device in devices.iter().filter(|device| !is_there(device)) {
            mirror.put_device(device)?;
        }
        Ok::<_, crate::Error>(())
    })
    .await
}
