//! Leases: who may upload into a vault, and how many at once.

use crate::activation::vault_of;
use crate::events::ServerEvent;
use crate::instance::Instance;
use crate::vaults::OpenVault;
use crate::{Result, events, quota, storage};
use api::Incarnation;
use api::limits::NEWEST_SNAPSHOTS;
use api::runs::{LeaseAnswer, LeaseRequest};
use meta::{Admission, Device, GrantRequest, Lease, LeaseClaim, SnapshotScope};
use model::{LeaseId, SetId, SnapshotId, VaultId};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long a lease lasts.
const LIFE: Duration = Duration::from_secs(7 * 86_400);
/// A lease whose holder was not heard of for so long takes no place any more: its machine may be asleep or gone.
pub(crate) const ACTIVE: Duration = Duration::from_secs(10 * 60);
/// A place in the queue whose holder does not ask again for so long is given up: longer than it is told to wait.
pub(crate) const WAITING: Duration = Duration::from_secs(15 * 60);
/// The most places of one device, where half of all are not fewer: more sets than a device backs up at the same time.
const DEVICE_MAX: u64 = 8;

/// Grants a lease to a device of the vault's user.
pub async fn grant(
    instance: &Arc<Instance>,
    device: &Device,
    vault: VaultId,
    request: LeaseRequest,
) -> Result<LeaseAnswer> {
    let open = vault_of(instance, device, vault).await?;
    storage::check(instance).await?;
    quota::check_grant(instance, device.user).await?;
    // From before the epoch is read until the lease is recorded: a cleanup in between would not know of it.
    let hold = open.vault().hold();
    let position = open.vault().position()?;
    let data_ids = open.vault().data_ids()?;
    let now = instance.clock.now();
    let limit = instance.settings().leases_max;
    let granted = instance
        .meta
        .grant(&GrantRequest {
            vault,
            device: device.id,
            set: request.set,
            counter: request.counter,
            epoch: position.sequence,
            now,
            deadline: now.after(LIFE),
            admission: Admission {
                limit,
                device_limit: (limit / 2).clamp(1, DEVICE_MAX),
                active_since: now.before(ACTIVE),
                waiting_since: now.before(WAITING),
            },
        })
        .await;
    drop(hold);
    let lease = match granted {
        Err(meta::Error::DeviceCloned { device: id }) => {
            tracing::warn!(device = %id, "a copy of a device's state was stopped");
            return Err(meta::Error::DeviceCloned { device: id }.into());
        }
        other => other?,
    };
    tracing::info!(lease = %lease.id, device = %device.id, %vault, "lease granted");
    events::note(instance, device.id, ServerEvent::LeaseGranted, json!({"set": request.set})).await;
    let (newest, has_damage) =
        (newest(instance, device, vault, request.set).await?, !instance.meta.damage(vault).await?.is_empty());
    Ok(LeaseAnswer {
        lease: lease.id,
        incarnation: Incarnation(position.incarnation),
        sequence: lease.epoch,
        deadline: lease.deadline,
        server_time: now,
        counter: lease.counter,
        data_ids,
        newest,
        has_damage,
    })
}

/// The newest snapshots of a set of this device.
async fn newest(
    instance: &Arc<Instance>,
    device: &Device,
    vault: VaultId,
    set: SetId,
) -> Result<Vec<SnapshotId>> {
    let rows = instance.meta.snapshots(SnapshotScope::Set { vault, set }, false).await?;
    let own = rows.iter().filter(|row| row.snapshot.device == device.id);
    Ok(own.take(NEWEST_SNAPSHOTS).map(|row| row.snapshot.id).collect())
}

/// What a request below a lease claims.
pub const fn claim_of(device: &Device, vault: VaultId, lease: LeaseId, counter: u64) -> LeaseClaim {
    LeaseClaim { lease, vault, device: device.id, counter }
}

/// The vault and the lease, if the lease allows the request.
pub async fn claim(
    instance: &Arc<Instance>,
    device: &Device,
    vault: VaultId,
    lease: LeaseId,
    counter: u64,
) -> Result<(Arc<OpenVault>, Lease)> {
    let open = vault_of(instance, device, vault).await?;
    let claim = claim_of(device, vault, lease, counter);
    let lease = instance.meta.use_lease(&claim, instance.clock.now()).await?;
    Ok((open, lease))
}

/// Ends a lease; one that has ended stays as it is.
pub async fn release(
    instance: &Arc<Instance>,
    device: &Device,
    vault: VaultId,
    lease: LeaseId,
) -> Result<()> {
    match instance.meta.lease(lease).await? {
        Some(found) if found.vault == vault && found.device == device.id => {}
        _ => return Err(meta::Error::LeaseUnknown { lease }.into()),
    }
    instance.meta.release_lease(lease, device.id).await?;
    tracing::info!(%lease, device = %device.id, "lease given back");
    Ok(())
}
