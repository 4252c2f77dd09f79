//! Hiding snapshots, bringing them back, and removing those whose time to be brought back is over.

use super::{Deleted, SnapshotInfo};
use crate::locks::lock;
use crate::{Error, Vault};
use format::deletion::Deletion;
use model::{SnapshotId, Timestamp, failpoint};
use std::time::Duration;

impl Vault {
    /// Hides a snapshot; one that is hidden already keeps its first deletion, which is given.
    pub fn delete_snapshot(&self, id: SnapshotId, by: &str) -> Result<Deleted, Error> {
        self.delete_snapshot_at(id, by, self.clock.now())
    }

    /// As [`Vault::delete_snapshot`], for a deletion that the caller's database has recorded with this time already:
    /// the time to bring the snapshot back must end at once in both.
    pub fn delete_snapshot_at(&self, id: SnapshotId, by: &str, time: Timestamp) -> Result<Deleted, Error> {
        let _known = lock(&self.snapshots.known);
        if !self.objects.exists(&self.objects.names.snapshot(id)?)? {
            return Err(Error::SnapshotUnknown { snapshot: id });
        }
        let record = Deletion { snapshot: id, time, by: by.to_owned() };
        let key = self.objects.names.deletion(id)?;
        failpoint::hit("vault.delete.before_put");
        if !self.objects.put_new(&key, &record.encode())?
            && let Some(first) = self.snapshots.read_deletion(id, &key)?
        {
            return Ok(first);
        }
        failpoint::hit("vault.delete.after_put");
        Ok(Deleted { time: Some(time), by: record.by })
    }

    /// Brings a hidden snapshot back; one that is not hidden stays as it is.
    pub fn undelete_snapshot(&self, id: SnapshotId) -> Result<(), Error> {
        let _known = lock(&self.snapshots.known);
        if !self.objects.exists(&self.objects.names.snapshot(id)?)? {
            return Err(Error::SnapshotUnknown { snapshot: id });
        }
        failpoint::hit("vault.undelete.before_delete");
        self.objects.delete(&self.objects.names.deletion(id)?)?;
        failpoint::hit("vault.undelete.after_delete");
        Ok(())
    }

    /// Writes the deletion record of a hidden snapshot anew when it cannot be read. False when there was nothing to do.
    pub fn mend_deletion(&self, id: SnapshotId, time: Timestamp, by: &str) -> Result<bool, Error> {
        let _known = lock(&self.snapshots.known);
        let key = self.objects.names.deletion(id)?;
        if !matches!(self.snapshots.read_deletion(id, &key)?, Some(Deleted { time: None, .. })) {
            return Ok(false);
        }
        self.objects.replace(&key, &Deletion { snapshot: id, time, by: by.to_owned() }.encode())?;
        Ok(true)
    }

    /// Removes snapshots that have been hidden for the undo window or longer. Gives their ids.
    pub fn purge(&self, undo_window: Duration) -> Result<Vec<SnapshotId>, Error> {
        let mut known = lock(&self.snapshots.known);
        let now = self.clock.now();
        let list = self.snapshots.list_locked(&mut known)?;
        let over: Vec<SnapshotId> = list
            .snapshots
            .iter()
            .filter(|info| is_over(info, now, undo_window))
            .map(|info| info.id)
            .collect();
        let over = [over, self.unreadable_over(&list.unreadable, now, undo_window)?].concat();
        for id in &over {
            failpoint::hit("vault.purge.before_delete_snapshot");
            self.objects.delete(&self.objects.names.snapshot(*id)?)?;
            known.remove(id);
            failpoint::hit("vault.purge.before_delete_labels");
            self.objects.delete(&self.objects.names.labels(*id)?)?;
            failpoint::hit("vault.purge.before_delete_deletion");
            self.objects.delete(&self.objects.names.deletion(*id)?)?;
            failpoint::hit("vault.purge.after_delete_deletion");
        }
        Ok(over)
    }

    /// Those of these snapshots, whose records cannot be read, that are hidden and whose time is over.
    pub(crate) fn unreadable_over(
        &self,
        unreadable: &[SnapshotId],
        now: Timestamp,
        undo_window: Duration,
    ) -> Result<Vec<SnapshotId>, Error> {
        let mut over = Vec::new();
        for id in unreadable {
            let deleted = self.snapshots.read_deletion(*id, &self.objects.names.deletion(*id)?)?;
            if is_time_over(deleted.as_ref(), now, undo_window) {
                over.push(*id);
            }
        }
        Ok(over)
    }

    /// Deletes objects of this kind (`deleted` or `labels`) whose snapshot is gone. Gives their number.
    pub(crate) fn delete_orphans(&self, kind: &str, is_dry: bool) -> Result<u64, Error> {
        let _known = lock(&self.snapshots.known);
        let mut count = 0;
        for blob in self.objects.all(kind)? {
            let Some(id) = crate::names::snapshot_of(&blob.key) else { continue };
            if self.objects.exists(&self.objects.names.snapshot(id)?)? {
                continue;
            }
            if !is_dry {
                failpoint::hit("vault.purge.before_delete_orphan");
                self.objects.delete(&blob.key)?;
            }
            count += 1;
        }
        Ok(count)
    }
}

/// Whether the time to bring a hidden snapshot back is over.
pub(crate) fn is_over(info: &SnapshotInfo, now: Timestamp, undo_window: Duration) -> bool {
    is_time_over(info.deleted.as_ref(), now, undo_window)
}

fn is_time_over(deleted: Option<&Deleted>, now: Timestamp, undo_window: Duration) -> bool {
    let time = deleted.and_then(|deleted| deleted.time);
    time.is_some_and(|time| time.after(undo_window) <= now)
}
