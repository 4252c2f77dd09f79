//! What was found damaged or lost in each vault: new snapshots must not refer to it.

use crate::Result;
use async_trait::async_trait;
use model::{Damaged, Timestamp, VaultId};

/// A damage and when it was first found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDamage {
    /// What is damaged.
    pub damaged: Damaged,
    /// When it was first found.
    pub found: Timestamp,
}

/// Damage of the vaults.
#[async_trait]
pub trait Damages: Send + Sync {
    /// Notes what was found damaged; what is known keeps its time. Gives how much of it is new.
    async fn note_damage(&self, vault: VaultId, damaged: &[Damaged], now: Timestamp) -> Result<u64>;

    /// Forgets what is damaged no longer; what is not known is passed over.
    async fn forget_damage(&self, vault: VaultId, healed: &[Damaged]) -> Result<()>;

    /// What is known of a vault, by pack and frame, all of a pack before its frames.
    async fn damage(&self, vault: VaultId) -> Result<Vec<KnownDamage>>;
}
