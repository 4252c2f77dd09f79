//! Snapshots as objects: listing, records, hiding and bringing back. What they refer to is checked elsewhere.

mod check;
mod commit;
mod removal;

pub use check::{CheckedSnapshot, LeaseGrant, MISSING_MAX};
pub use commit::CommitReceipt;
pub(crate) use removal::is_over;

use crate::damage::is_damage;
use crate::locks::lock;
use crate::lru::Lru;
use crate::names::snapshot_of;
use crate::objects::Objects;
use crate::reach::Reach;
use crate::{Error, Vault};
use blobs::Key;
use format::deletion::Deletion;
use format::limits;
use format::snapshot::{Counts, SnapshotRecord, StoredSnapshot};
use model::{DeviceId, SetId, SnapshotId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Sets of reachable frames, in bytes.
const REACH_BYTES: usize = 32 << 20;
/// A snapshot object at most: the record and what is around it.
pub(crate) const OBJECT_MAX: usize = limits::SNAPSHOT_MAX + 1024;

/// What a vault knows of a snapshot without keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its id.
    pub id: SnapshotId,
    /// The device that made it.
    pub device: DeviceId,
    /// Its set.
    pub set: SetId,
    /// The snapshot that the run compared with.
    pub base: Option<SnapshotId>,
    /// The vault's number of it.
    pub sequence: u64,
    /// When it was received.
    pub received: Timestamp,
    /// False for a checkpoint.
    pub complete: bool,
    /// Its sums, as the agent says.
    pub counts: Counts,
    /// Number of its hunks.
    pub hunks: u64,
    /// Size of the agent's record in bytes.
    pub record_bytes: u64,
    /// BLAKE3 of the agent's record.
    pub record_hash: [u8; 32],
    /// Set while it is hidden.
    pub deleted: Option<Deleted>,
}

/// Who hid a snapshot, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// When; `None` when the deletion record cannot be read, so that its time is never over.
    pub time: Option<Timestamp>,
    /// An administrator's name, `retention` or `checkpoint`.
    pub by: String,
}

/// The snapshots of a vault.
#[derive(Debug, Clone, Default)]
pub struct SnapshotList {
    /// Ascending by their numbers.
    pub snapshots: Vec<SnapshotInfo>,
    /// Snapshots whose object cannot be read, ascending.
    pub unreadable: Vec<SnapshotId>,
}

pub(crate) struct Snapshots {
    pub(crate) objects: Objects,
    /// Held while snapshots are written, hidden, brought back or removed. Inside: what was read of records.
    pub(crate) known: Mutex<HashMap<SnapshotId, SnapshotInfo>>,
    reaches: Mutex<Lru<SnapshotId, Reach>>,
}

impl Snapshots {
    pub(crate) fn new(objects: Objects) -> Self {
        Self { objects, known: Mutex::default(), reaches: Mutex::new(Lru::new(REACH_BYTES, 1024)) }
    }

    /// Lists the store and reads the records that are new since the last time.
    pub(crate) fn list(&self) -> Result<SnapshotList, Error> {
        let mut known = lock(&self.known);
        self.list_locked(&mut known)
    }

    pub(crate) fn list_locked(
        &self,
        known: &mut HashMap<SnapshotId, SnapshotInfo>,
    ) -> Result<SnapshotList, Error> {
        let listed = self.objects.all("snapshots")?;
        let mut deletions = self.deletions()?;
        let mut list = SnapshotList::default();
        let mut seen = HashMap::with_capacity(listed.len());
        for blob in listed {
            let Some(id) = snapshot_of(&blob.key) else { continue };
            let info = match known.remove(&id) {
                Some(info) => info,
                None => match self.read_info(id, &blob.key) {
                    Ok(Some(info)) => info,
                    Ok(None) => continue,
                    Err(Error::Damaged { .. }) => {
                        list.unreadable.push(id);
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            list.snapshots.push(SnapshotInfo { deleted: deletions.remove(&id), ..info.clone() });
            seen.insert(id, info);
        }
        *known = seen;
        list.snapshots.sort_by_key(|info| (info.sequence, info.id));
        Ok(list)
    }

    fn read_info(&self, id: SnapshotId, key: &Key) -> Result<Option<SnapshotInfo>, Error> {
        let Some((stored, record)) = self.read(id, key)? else { return Ok(None) };
        Ok(Some(info(&stored, &record)))
    }

    /// A snapshot object and the record in it.
    pub(crate) fn read(
        &self,
        id: SnapshotId,
        key: &Key,
    ) -> Result<Option<(StoredSnapshot, SnapshotRecord)>, Error> {
        let damaged = |source| Error::Damaged { key: key.clone(), source };
        let bytes = match self.objects.read(key, OBJECT_MAX) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) if is_damage(&error) => {
                return Err(damaged(format::Error::Malformed {
                    what: "snapshot",
                    rule: "it can be read and stays in bounds",
                }));
            }
            Err(error) => return Err(error),
        };
        let stored = StoredSnapshot::decode(&bytes).map_err(damaged)?;
        let record = SnapshotRecord::decode(&stored.record).map_err(damaged)?;
        if record.clear.snapshot != id {
            return Err(damaged(format::Error::Mismatch { what: "snapshot", check: "name" }));
        }
        Ok(Some((stored, record)))
    }

    /// Every deletion record. One that cannot be read hides its snapshot without an end.
    fn deletions(&self) -> Result<HashMap<SnapshotId, Deleted>, Error> {
        let mut found = HashMap::new();
        for blob in self.objects.all("deleted")? {
            let Some(id) = snapshot_of(&blob.key) else { continue };
            if let Some(deleted) = self.read_deletion(id, &blob.key)? {
                found.insert(id, deleted);
            }
        }
        Ok(found)
    }

    pub(crate) fn read_deletion(&self, id: SnapshotId, key: &Key) -> Result<Option<Deleted>, Error> {
        // Twice the body's bound: a longer object is refused by the decoder, not by the store.
        let bytes = match self.objects.read(key, 2 * limits::SMALL_OBJECT_MAX) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) if is_damage(&error) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Some(match Deletion::decode(&bytes) {
            Ok(record) if record.snapshot == id => Deleted { time: Some(record.time), by: record.by },
            _ => Deleted { time: None, by: String::new() },
        }))
    }
}

pub(crate) fn info(stored: &StoredSnapshot, record: &SnapshotRecord) -> SnapshotInfo {
    let clear = &record.clear;
    SnapshotInfo {
        id: clear.snapshot,
        device: clear.device,
        set: clear.set,
        base: clear.base,
        sequence: stored.sequence,
        received: stored.received,
        complete: clear.complete,
        counts: clear.counts,
        hunks: clear.hunks.chunks(),
        record_bytes: stored.record.len() as u64,
        record_hash: stored.record_hash(),
        deleted: None,
    }
}

impl Vault {
    /// The snapshots in the store, hidden ones included.
    pub fn snapshots(&self) -> Result<SnapshotList, Error> {
        self.snapshots.list()
    }

    /// A snapshot's record as the agent sent it; hidden ones included.
    pub fn snapshot_record(&self, id: SnapshotId) -> Result<Vec<u8>, Error> {
        Ok(self.read_snapshot(id)?.0.record)
    }

    pub(crate) fn read_snapshot(&self, id: SnapshotId) -> Result<(StoredSnapshot, SnapshotRecord), Error> {
        let key = self.objects.names.snapshot(id)?;
        self.snapshots.read(id, &key)?.ok_or(Error::SnapshotUnknown { snapshot: id })
    }

    /// What a snapshot reaches, from the cache or computed.
    pub(crate) fn reach_of(&self, id: SnapshotId) -> Result<Arc<Reach>, Error> {
        // The object decides whether the snapshot is there: another process may have removed it.
        if !self.objects.exists(&self.objects.names.snapshot(id)?)? {
            return Err(Error::SnapshotUnknown { snapshot: id });
        }
        let before = lock(&self.snapshots.reaches).get(&id);
        if let Some(reach) = before.filter(|reach| self.still_holds(reach)) {
            return Ok(reach);
        }
        let (_, record) = self.read_snapshot(id)?;
        let reach = Arc::new(self.reach(&record.clear.hunks)?);
        lock(&self.snapshots.reaches).insert(id, &reach, reach.memory_bytes());
        Ok(reach)
    }
}
