//! Writing a checked snapshot: the only commit point of a backup.

use super::{CheckedSnapshot, SnapshotInfo};
use crate::locks::lock;
use crate::{Error, Hold, Vault};
use format::snapshot::StoredSnapshot;
use model::{SnapshotId, Timestamp, failpoint};

/// The answer to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitReceipt {
    /// The vault's number of the snapshot.
    pub sequence: u64,
    /// When it was received.
    pub received: Timestamp,
    /// False when this very record was stored before; number and time are those of the first commit then.
    pub stored: bool,
}

impl CommitReceipt {
    fn repeated(info: &SnapshotInfo) -> Self {
        Self { sequence: info.sequence, received: info.received, stored: false }
    }
}

impl Vault {
    /// Makes a checked snapshot durable. The same record again gets the first answer.
    ///
    /// `sequence` is the vault's number for it; `None` takes the one after the highest in the store.
    pub fn commit(
        &self,
        checked: &CheckedSnapshot<'_>,
        sequence: Option<u64>,
    ) -> Result<CommitReceipt, Error> {
        self.own(checked.hold)?;
        if let Some(first) = &checked.first {
            return Ok(CommitReceipt::repeated(first));
        }
        let id = checked.clear().snapshot;
        let mut known = lock(&self.snapshots.known);
        let sequence = match sequence {
            Some(sequence) => sequence,
            None => {
                let list = self.snapshots.list_locked(&mut known)?;
                list.snapshots.last().map_or(0, |info| info.sequence) + 1
            }
        };
        let deletion = self.objects.names.deletion(id)?;
        if self.objects.exists(&deletion)? && !self.objects.exists(&self.objects.names.snapshot(id)?)? {
            // Left behind by a removal that was cut off: it would hide the new snapshot.
            self.objects.delete(&deletion)?;
        }
        let received = self.clock.now();
        let stored = StoredSnapshot { sequence, received, record: checked.record.to_vec() };
        failpoint::hit("vault.commit.before_put");
        if !self.objects.put_new(&self.objects.names.snapshot(id)?, &stored.encode())? {
            let first =
                self.stored_before(id, &checked.hash)?.ok_or(Error::SnapshotUnknown { snapshot: id })?;
            return Ok(CommitReceipt::repeated(&first));
        }
        failpoint::hit("vault.commit.after_put");
        known.insert(id, super::info(&stored, &checked.parsed));
        Ok(CommitReceipt { sequence, received, stored: true })
    }

    /// Takes back a snapshot that `commit` has just stored, because the caller's database refused it. The hold must
    /// be the one of the commit. Not for snapshots that were acknowledged: those are deleted.
    pub fn withdraw_snapshot(&self, hold: &Hold, id: SnapshotId) -> Result<(), Error> {
        self.own(hold)?;
        let mut known = lock(&self.snapshots.known);
        failpoint::hit("vault.withdraw.before_delete");
        self.objects.delete(&self.objects.names.snapshot(id)?)?;
        known.remove(&id);
        Ok(())
    }

    pub(crate) fn own(&self, hold: &Hold) -> Result<(), Error> {
        if hold.is_of(&self.gate) { Ok(()) } else { Err(Error::ForeignHold) }
    }
}
