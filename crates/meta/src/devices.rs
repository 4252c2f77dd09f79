//! The machines that were activated.

use crate::words::words;
use crate::{Hash, Result};
use async_trait::async_trait;
use model::{DeviceId, Timestamp, UserId, VaultId};
use std::time::Duration;

words! {
    /// Whether a device may work.
    DeviceState {
        /// It may.
        Active = "active",
        /// It was taken out of use, by its user or an administrator. Final.
        Deactivated = "deactivated",
    }
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The device's id.
    pub id: DeviceId,
    /// Its user.
    pub user: UserId,
    /// The vault that it backs up into.
    pub vault: Option<VaultId>,
    /// Name for people.
    pub name: String,
    /// System and version.
    pub os: String,
    /// Public half of its age key pair; `None` when it was rebuilt from the object store.
    pub recipient: Option<String>,
    /// BLAKE3 of its secret; `None` when it was rebuilt from the object store: it cannot log in.
    pub secret_hash: Option<Hash>,
    /// Whether it may work.
    pub state: DeviceState,
    /// When it was activated.
    pub created: Timestamp,
    /// When it was last heard of, at most a minute too early.
    pub last_seen: Option<Timestamp>,
}

/// How often `last_seen` is written for a device or lease that is heard of all the time.
pub(crate) const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Devices.
#[async_trait]
pub trait Devices: Send + Sync {
    /// The device with this id.
    async fn device(&self, device: DeviceId) -> Result<Option<Device>>;

    /// The devices of one user, or of all, by name.
    async fn devices(&self, user: Option<UserId>) -> Result<Vec<Device>>;

    /// Ends a device and its leases. The end stays: `Active` is refused for a device that has ended.
    async fn set_device_state(&self, device: DeviceId, state: DeviceState) -> Result<()>;

    /// Notes that a device was heard of; written at most once a minute.
    async fn touch_device(&self, device: DeviceId, now: Timestamp) -> Result<()>;

    /// Says into which open vault of its user a device backs up.
    async fn set_device_vault(&self, device: DeviceId, vault: VaultId) -> Result<()>;
}
