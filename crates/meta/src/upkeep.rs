//! The database as a whole: copying, checking, and filling it again from the object store.

use crate::{Device, Group, Result, SnapshotRow, User, Vault};
use async_trait::async_trait;
use std::path::Path;

/// What the object store and the recovery file know and the database may not.
/// What it refers to must be known or among it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Groups of users.
    pub groups: Vec<Group>,
    /// Users. One of a group that is not known comes into the one that is always there.
    pub users: Vec<User>,
    /// Vaults.
    pub vaults: Vec<Vault>,
    /// Devices.
    pub devices: Vec<Device>,
    /// Snapshots.
    pub snapshots: Vec<SnapshotRow>,
}

/// How many rows an adoption added; the others were known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Groups added.
    pub groups: u64,
    /// Users added.
    pub users: u64,
    /// Vaults added.
    pub vaults: u64,
    /// Devices added.
    pub devices: u64,
    /// Snapshots added.
    pub snapshots: u64,
}

/// The database as a whole.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Adds what is unknown, all or nothing; what is known stays as it is. Sequence numbers continue above
    /// those of the adopted snapshots. A device comes without a counter: the first it shows is accepted.
    ///
    /// A snapshot that is known with another record, a name of another user, and a second open vault are
    /// refused.
    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted>;

    /// Writes a consistent copy into a new file, durable when this returns. Writers go on meanwhile.
    async fn backup_into(&self, path: &Path) -> Result<()>;

    /// Looks for damage; gives what was found, nothing when all is well.
    async fn quick_check(&self) -> Result<Vec<String>>;

    /// Ends all connections after what runs on them. Every later call fails.
    async fn close(&self);
}
