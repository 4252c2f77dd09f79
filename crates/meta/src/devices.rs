//! The machines that were activated.

use crate::{Bar, Change, Hash, Result, Standing, State};
use async_trait::async_trait;
use model::{DeviceId, Timestamp, UserId, VaultId};
use std::time::Duration;

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
    /// BLAKE3 of the secrets of the machines that were this device before, the latest first; at most
    /// [`FORMER_MAX`]. They open nothing: their holders are told that they were replaced.
    pub former_secrets: Vec<Hash>,
    /// Where it stands.
    pub standing: Standing,
    /// When it was activated.
    pub created: Timestamp,
    /// When it was last heard of, at most a minute too early.
    pub last_seen: Option<Timestamp>,
    /// When its last complete snapshot was committed.
    pub last_backup: Option<Timestamp>,
}

/// Former secrets that are remembered of one device.
pub const FORMER_MAX: usize = 8;

/// A device with what its user's state says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// The device.
    pub device: Device,
    /// The state of its user.
    pub user_state: State,
}

impl KnownDevice {
    /// What keeps it from working.
    pub const fn bar(&self) -> Option<Bar> {
        Bar::of(self.device.standing.state, self.user_state)
    }
}

/// How often `last_seen` is written for a device or lease that is heard of all the time.
pub(crate) const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Devices.
#[async_trait]
pub trait Devices: Send + Sync {
    /// The device with this id.
    async fn device(&self, device: DeviceId) -> Result<Option<Device>>;

    /// The same with the state of its user, for whoever decides what it may do.
    async fn known_device(&self, device: DeviceId) -> Result<Option<KnownDevice>>;

    /// The devices of one user, or of all, by name. Removed ones are among them.
    async fn devices(&self, user: Option<UserId>) -> Result<Vec<Device>>;

    /// Changes where a device stands. Its leases end when it may no longer work.
    async fn change_device(&self, device: DeviceId, change: Change, now: Timestamp) -> Result<Device>;

    /// Takes over where a device stands and which machine it is, as the object store knows it from a later change. Its
    /// leases end when it may no longer work.
    async fn take_over_device(&self, device: &Device) -> Result<()>;

    /// Notes that a device was heard of; written at most once a minute.
    async fn touch_device(&self, device: DeviceId, now: Timestamp) -> Result<()>;

    /// Says into which open vault of its user a device backs up.
    async fn set_device_vault(&self, device: DeviceId, vault: VaultId) -> Result<()>;
}
