//! Restores under way. Each has a small file while it runs, named after what it restores and where: when the same
//! command finds it, an earlier one was cut short, and this one goes on from what is there.

use super::State;
use super::checked::CheckedFile;
use crate::AgentError;
use model::SnapshotId;
use platform::{Lock, durable};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The mark of one restore, locked while it runs.
#[derive(Debug)]
pub struct Journal {
    file: CheckedFile,
    lock: Option<Lock>,
    resumes: bool,
    label: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    label: String,
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
        // A damaged one still says that there was a restore.
        let earlier = match file.read::<Content>() {
            Err(AgentError::IdentityDamaged { .. }) => Some(Content { label: label.clone() }),
            other => other?,
        };
        let resumes = earlier.is_some();
        let content = earlier.unwrap_or(Content { label });
        if !resumes {
            file.write(&content)?;
        }
        Ok(Self { file, lock: Some(lock), resumes, label: content.label })
    }

    /// Whether an earlier restore of the same was cut short.
    pub const fn resumes(&self) -> bool {
        self.resumes
    }

    /// What stands in names that the restore makes; the same in all tries.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The restore came to its end, or began nothing.
    pub fn close(mut self) -> Result<(), AgentError> {
        self.file.remove()?;
        // While it is still held, so that no other process has it; what is left of a kill here does no harm.
        let removed = super::remove(&self.file.path().with_extension("lock"));
        drop(self.lock.take());
        removed
    }
}

fn name(restore: &Restore<'_>) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(restore.snapshot.as_bytes());
    part(restore.target.map_or(&b""[..], |target| target.as_os_str().as_bytes()));
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
            Restore { snapshot: SnapshotId::random(), ..restore },
        ] {
            let journal = Journal::open(&state, &other, "other".into()).unwrap();
            assert!(!journal.resumes());
            journal.close().unwrap();
        }
        let again = Journal::open(&state, &restore, "third".into()).unwrap();
        assert_eq!((again.resumes(), again.label()), (true, "first"));
        again.close().unwrap();
        assert_eq!(std::fs::read_dir(state.restores_folder()).unwrap().count(), 0);
        assert!(!Journal::open(&state, &restore, "fourth".into()).unwrap().resumes());
    }
}
