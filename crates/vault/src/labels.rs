//! Labels of snapshots as objects: read, and replaced as a whole by whoever knows what is there. What they say is
//! sealed.

use crate::damage::is_damage;
use crate::locks::lock;
use crate::names::snapshot_of;
use crate::{Error, Vault};
use format::labels::SealedLabels;
use format::limits;
use model::{SnapshotId, failpoint};

impl Vault {
    /// The snapshots that have an object with labels, ascending.
    pub fn labelled(&self) -> Result<Vec<SnapshotId>, Error> {
        Ok(self.objects.all("labels")?.iter().filter_map(|blob| snapshot_of(&blob.key)).collect())
    }

    /// The object with a snapshot's labels as its agent sent it, `None` when there is none. One that cannot be read is
    /// given as no bytes at all: it must not hide those of other snapshots, and who opens it sees that it is damaged.
    pub fn labels(&self, id: SnapshotId) -> Result<Option<Vec<u8>>, Error> {
        match self.objects.read(&self.objects.names.labels(id)?, limits::LABELS_OBJECT_MAX) {
            Err(error) if is_damage(&error) => Ok(Some(Vec::new())),
            read => read,
        }
    }

    /// The snapshots whose objects with labels cannot be read, or are not theirs, ascending.
    pub fn damaged_labels(&self) -> Result<Vec<SnapshotId>, Error> {
        let mut damaged = Vec::new();
        for id in self.labelled()? {
            let Some(bytes) = self.labels(id)? else { continue };
            if !SealedLabels::decode(&bytes).is_ok_and(|labels| self.are_of(&labels, id)) {
                damaged.push(id);
            }
        }
        Ok(damaged)
    }

    fn are_of(&self, labels: &SealedLabels, id: SnapshotId) -> bool {
        (labels.vault, labels.snapshot) == (self.id(), id)
    }

    /// Stores labels in place of those whose object has the hash `replaces`, or of none. Repeated with the same bytes
    /// it succeeds, since the first answer may have been lost.
    pub fn put_labels(&self, id: SnapshotId, replaces: Option<[u8; 32]>, bytes: &[u8]) -> Result<(), Error> {
        let invalid = |source| Error::LabelsInvalid { source };
        let labels = SealedLabels::decode(bytes).map_err(invalid)?;
        if !self.are_of(&labels, id) {
            return Err(invalid(format::Error::Mismatch { what: "labels", check: "name" }));
        }
        // Held from the comparison to the end of the write: of two writers the second one sees what the first wrote,
        // and the snapshot is not removed meanwhile.
        let _known = lock(&self.snapshots.known);
        if !self.objects.exists(&self.objects.names.snapshot(id)?)? {
            return Err(Error::SnapshotUnknown { snapshot: id });
        }
        let stored = self.labels(id)?;
        if stored.as_deref() == Some(bytes) {
            return Ok(());
        }
        if stored.map(|stored| *blake3::hash(&stored).as_bytes()) != replaces {
            return Err(Error::LabelsChanged { snapshot: id });
        }
        failpoint::hit("vault.labels.before_put");
        self.objects.replace(&self.objects.names.labels(id)?, bytes)?;
        failpoint::hit("vault.labels.after_put");
        Ok(())
    }
}
