//! The index of snapshots. The objects in the store are the authority; a row repeats what lists need.

use crate::{Hash, LeaseClaim, Result};
use async_trait::async_trait;
use model::{DeviceId, SetId, SnapshotId, Timestamp, UserId, VaultId};

/// `deleted.by` of a checkpoint that a later snapshot of its set replaced.
pub const REPLACED: &str = "checkpoint";

/// Who hid a snapshot, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// When it was deleted.
    pub time: Timestamp,
    /// An administrator's name, `retention`, or [`REPLACED`].
    pub by: String,
}

/// A snapshot that was checked and whose record lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    /// The snapshot's id, drawn by the agent.
    pub id: SnapshotId,
    /// Its vault.
    pub vault: VaultId,
    /// Its device.
    pub device: DeviceId,
    /// Its set.
    pub set: SetId,
    /// From [`Snapshots::begin_commit`]; orders the snapshots of a vault.
    pub sequence: u64,
    /// When the server received it.
    pub received: Timestamp,
    /// Number of files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// What was uploaded for it, in bytes.
    pub stored_bytes: u64,
    /// Number of findings.
    pub findings: u64,
    /// False for a checkpoint.
    pub complete: bool,
    /// BLAKE3 of the agent's record.
    pub record_hash: Hash,
}

/// A row of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// The snapshot.
    pub snapshot: NewSnapshot,
    /// Set while it is hidden.
    pub deleted: Option<Deletion>,
}

/// The answer to a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The row that is stored, from the first time when the commit was repeated.
    pub row: SnapshotRow,
    /// True when it was stored before.
    pub repeated: bool,
    /// Checkpoints of the set that this commit replaced: marked as deleted, their objects can go.
    pub replaced: Vec<SnapshotId>,
}

/// The newest complete snapshot of a set of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestSnapshot {
    /// The device.
    pub device: DeviceId,
    /// The set.
    pub set: SetId,
    /// The size of its files in bytes, as its agent says.
    pub bytes: u64,
}

/// Which snapshots to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotScope {
    /// All.
    Everything,
    /// Those of one vault.
    Vault(VaultId),
    /// Those of one set of a vault.
    Set {
        /// The vault.
        vault: VaultId,
        /// The set.
        set: SetId,
    },
}

/// Snapshots.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Begins a commit: checks the lease like `use_lease`, moves its deadline to at least `hold_until`, so
    /// that it outlives the writing of the record, and gives the next sequence number of the vault.
    /// Numbers of commits that never came are left out for ever.
    async fn begin_commit(&self, claim: &LeaseClaim, now: Timestamp, hold_until: Timestamp) -> Result<u64>;

    /// Makes a snapshot visible, after its record is durable in the store.
    ///
    /// The same id with the same record gives the first row, whatever became of the lease; with another
    /// record it is a conflict. Otherwise the lease must be live, of this vault, device and set. A complete
    /// snapshot ends the lease, a checkpoint leaves it live; both replace the checkpoints of the set.
    /// When this refuses, the caller removes the record that it wrote.
    async fn commit_snapshot(
        &self,
        snapshot: &NewSnapshot,
        claim: &LeaseClaim,
        now: Timestamp,
    ) -> Result<Commit>;

    /// The snapshot with this id, in whatever vault. Whoever answers a device asks [`Self::snapshot_in`].
    async fn snapshot(&self, snapshot: SnapshotId) -> Result<Option<SnapshotRow>>;

    /// The snapshot with this id if it lies in this vault.
    async fn snapshot_in(&self, vault: VaultId, snapshot: SnapshotId) -> Result<Option<SnapshotRow>>;

    /// The newest complete snapshot, not hidden, of each set in the open vault of a user. Devices that are deleted have
    /// none.
    async fn newest_snapshots(&self, user: UserId) -> Result<Vec<NewestSnapshot>>;

    /// Snapshots, newest first; deleted ones only on demand.
    async fn snapshots(&self, scope: SnapshotScope, with_deleted: bool) -> Result<Vec<SnapshotRow>>;

    /// Hides a snapshot. One that is hidden already keeps its first deletion.
    async fn delete_snapshot(&self, snapshot: SnapshotId, by: &str, now: Timestamp) -> Result<SnapshotRow>;

    /// Brings a hidden snapshot back; a checkpoint that was replaced stays hidden.
    async fn undelete_snapshot(&self, snapshot: SnapshotId) -> Result<SnapshotRow>;

    /// Forgets a hidden snapshot, after its objects are gone. Repeated, it does nothing.
    async fn remove_snapshot(&self, snapshot: SnapshotId) -> Result<()>;
}
