//! Restores under way. Each has a small file while it runs, named after the paths that it restores and where: when the
//! same command finds it, an earlier one was cut short, and this one goes on from what is there. `latest` may mean
//! another snapshot by then, so the file says which one it was.

use super::State;
use super::checked::CheckedFile;
use crate::AgentError;
use model::SnapshotId;
use platform::{Lock, durable, permissions};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The mark of one restore, locked while it runs.
#[derive(Debug)]
pub struct Journal {
    file: CheckedFile,
    lock: Option<Lock>,
    content: Content,
    earlier: Option<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    label: String,
    snapshot: SnapshotId,
    /// Mode of the target before the first of the restores that were cut short; `None` when it was not there.
    mode: Option<u32>,
    /// The start of the machine in which the first of them began.
    #[serde(default)]
    boot: Option<String>,
}

/// What makes two restores the same.
#[derive(Debug, Clone, Copy)]
pub struct Restore<'a> {
    /// What is restored.
    pub snapshot: SnapshotId,
    /// The selected paths; none means all.
    pub selections: &'a [Vec<u8>],
    /// The folder it goes to; `None` for the original places.
    pub target: Option<&'a Path>,
}

impl Journal {
    /// Notes that this restore begins, durably, or finds that it began before. `label` is what a new one has in names
    /// that it makes.
    pub fn open(state: &State, restore: &Restore<'_>, label: String) -> Result<Self, AgentError> {
        let folder = state.restores_folder();
        durable::create_dir_all(&folder, super::FOLDER_MODE)
            .map_err(|error| AgentError::state(&folder, error))?;
        let path = folder.join(name(restore));
        let lock_path = path.with_extension("lock");
        let lock = match Lock::try_exclusive(&lock_path) {
            Err(platform::Error::Locked { holder, .. }) => return Err(AgentError::RestoreRuns { holder }),
            lock => lock.map_err(|error| AgentError::state(&lock_path, error))?,
        };
        let file = CheckedFile::new(path, "restore");
        let mode = restore.target.and_then(|target| permissions::mode(target).ok());
        let boot = platform::host::boot_id().ok();
        let new = Content { label, snapshot: restore.snapshot, mode, boot };
        // A damaged one still says that there was a restore.
        let earlier = match file.read::<Content>() {
            Err(AgentError::StateFileDamaged { .. }) => Some(Content { boot: None, ..new.clone() }),
            other => other?,
        };
        let content = match &earlier {
            Some(earlier) if earlier.snapshot == restore.snapshot => earlier.clone(),
            Some(earlier) => Content { mode: earlier.mode, ..new },
            None => new,
        };
        if earlier.as_ref() != Some(&content) {
            file.write(&content)?;
        }
        Ok(Self { file, lock: Some(lock), content, earlier })
    }

    /// Whether an earlier restore of the same was cut short.
    pub fn resumes(&self) -> bool {
        self.earlier.as_ref().is_some_and(|earlier| earlier.snapshot == self.content.snapshot)
    }

    /// The snapshot of which an earlier restore of the same paths into the same target was cut short, when it is
    /// another one.
    pub fn other(&self) -> Option<SnapshotId> {
        self.earlier
            .as_ref()
            .map(|earlier| earlier.snapshot)
            .filter(|earlier| *earlier != self.content.snapshot)
    }

    /// Whether the machine was started again since the earlier restore, or that cannot be told: what that one wrote last
    /// may not have reached the disk.
    pub fn is_after_restart(&self) -> bool {
        let began = self.earlier.as_ref().map(|earlier| &earlier.boot);
        began.is_some_and(|began| began.is_none() || *began != platform::host::boot_id().ok())
    }

    /// Mode of the target before anything was restored; `None` when it was not there.
    pub const fn mode(&self) -> Option<u32> {
        self.content.mode
    }

    /// What stands in names that the restore makes; the same in all tries.
    pub fn label(&self) -> &str {
        &self.content.label
    }

    /// The restore began nothing: what an earlier one has left is to be gone on with as before.
    pub fn withdraw(self) -> Result<(), AgentError> {
        match &self.earlier {
            Some(earlier) => self.file.write(earlier),
            None => self.close(),
        }
    }

    /// The restore came to its end.
    pub fn close(mut self) -> Result<(), AgentError> {
        self.file.remove()?;
        // While it is still held, so that no other process has it; what is left of a kill here does no harm.
        let removed = super::remove(&self.file.path().with_extension("lock"));
        drop(self.lock.take());
        removed
    }
}

fn name(restore: &Restore<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(restore.target.map_or(&b""[..], platform::path::bytes));
    for selection in restore.selections {
        part(selection);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    #[test]
    fn a_restore_that_was_cut_short_is_found_by_its_like_only() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        let (here, there) = (Path::new("/here"), Path::new("/there"));
        let snapshot = SnapshotId::random();
        let paths = [b"/a".to_vec()];
        let restore = Restore { snapshot, selections: &paths, target: Some(here) };

        let journal = Journal::open(&state, &restore, "first".into()).unwrap();
        assert!(!journal.resumes());
        let second = Journal::open(&state, &restore, "second".into());
        assert_eq!(second.unwrap_err().code(), Code::StateLocked);
        drop(journal);

        for other in [
            Restore { target: Some(there), ..restore },
            Restore { target: None, ..restore },
            Restore { selections: &[], ..restore },
        ] {
            let journal = Journal::open(&state, &other, "other".into()).unwrap();
            assert!(!journal.resumes());
            journal.close().unwrap();
        }
        let again = Journal::open(&state, &restore, "third".into()).unwrap();
        assert_eq!((again.resumes(), again.label(), again.is_after_restart()), (true, "first", false));
        again.close().unwrap();
        assert_eq!(std::fs::read_dir(state.restores_folder()).unwrap().count(), 0);
        assert!(!Journal::open(&state, &restore, "fourth".into()).unwrap().resumes());
    }

    #[test]
    fn a_restore_of_another_snapshot_is_told_of_and_comes_back_when_nothing_was_begun() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().join("state"));
        let target = folder.path().join("target");
        std::fs::create_dir(&target).unwrap();
        permissions::set_mode(&target, 0o750).unwrap();
        let first = Restore { snapshot: SnapshotId::random(), selections: &[], target: Some(&target) };
        let second = Restore { snapshot: SnapshotId::random(), ..first };
        let open = |restore: &Restore<'_>, label: &str| Journal::open(&state, restore, label.into()).unwrap();
        assert_eq!(open(&first, "first").other(), None);
        // A restore that is under way closes its target.
        permissions::set_mode(&target, 0o1700).unwrap();
        let other = open(&second, "second");
        let found = (other.resumes(), other.other(), other.label(), other.mode());
        assert_eq!(found, (false, Some(first.snapshot), "second", Some(0o750)));
        other.withdraw().unwrap();
        let again = open(&first, "third");
        assert_eq!((again.resumes(), again.label(), again.mode()), (true, "first", Some(0o750)));
        again.withdraw().unwrap();
        // One that has begun takes its place.
        drop(open(&second, "fourth"));
        let again = open(&second, "fifth");
        assert_eq!((again.resumes(), again.other(), again.label()), (true, None, "fourth"));
        again.close().unwrap();
        let new = open(&first, "sixth");
        assert!(!new.resumes());
        new.withdraw().unwrap();
        assert_eq!(std::fs::read_dir(state.restores_folder()).unwrap().count(), 0);
    }
    #[test]
    fn a_start_of_the_machine_is_noticed_until_the_restore_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        let restore = Restore { snapshot: SnapshotId::random(), selections: &[], target: None };
        for boot in [None, Some("an earlier one".to_owned())] {
            let journal = Journal::open(&state, &restore, "first".into()).unwrap();
            assert!(!journal.is_after_restart(), "nothing was before it");
            let content = Content { boot, ..journal.content.clone() };
            journal.file.write(&content).unwrap();
            drop(journal);
            // One that was gone on with in this start of the machine may still have left what is from before.
            drop(Journal::open(&state, &restore, "second".into()).unwrap());
            let journal = Journal::open(&state, &restore, "third".into()).unwrap();
            assert!(journal.resumes() && journal.is_after_restart());
            journal.close().unwrap();
        }
    }
}
