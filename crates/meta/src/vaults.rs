//! The dedup and key domains of users, as far as the database knows them: no keys, no content.

use crate::Result;
use crate::words::words;
use async_trait::async_trait;
use model::{Custody, Timestamp, UserId, VaultId};

words! {
    /// Whether a vault takes new snapshots.
    VaultState {
        /// It does; a user has at most one such vault.
        Open = "open",
        /// It can be read only.
        Closed = "closed",
    }
}

/// A vault to create. The agent draws the id, since it makes the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVault {
    /// Its id.
    pub id: VaultId,
    /// Its user.
    pub user: UserId,
    /// Who holds its key; never changes.
    pub custody: Custody,
    /// When it was created.
    pub created: Timestamp,
}

/// One vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// Its id.
    pub id: VaultId,
    /// Its user.
    pub user: UserId,
    /// Who holds its key.
    pub custody: Custody,
    /// Whether it takes new snapshots.
    pub state: VaultState,
    /// When it was created.
    pub created: Timestamp,
}

/// Vaults.
#[async_trait]
pub trait Vaults: Send + Sync {
    /// Creates the open vault of a user. The same vault again gives the first one; when the user has
    /// another open one, the error names it.
    async fn create_vault(&self, vault: &NewVault) -> Result<Vault>;

    /// The vault with this id.
    async fn vault(&self, vault: VaultId) -> Result<Option<Vault>>;

    /// The vaults of one user, or of all, oldest first.
    async fn vaults(&self, user: Option<UserId>) -> Result<Vec<Vault>>;

    /// The vault of a user that takes snapshots.
    async fn open_vault(&self, user: UserId) -> Result<Option<Vault>>;

    /// Closes a vault for new snapshots and supersedes its leases; it stays readable.
    async fn close_vault(&self, vault: VaultId) -> Result<()>;
}
