//! The number by which the server tells this device from a copy of its state. It changes with each run, so it has a
//! file of its own beside the keys, which never change.

use super::State;
use super::checked::CheckedFile;
use crate::AgentError;
use client::CounterStore;
use engine::remote::RemoteError;

/// The stored clone counter of a state.
#[derive(Debug)]
pub struct Counter {
    file: CheckedFile,
}

impl Counter {
    /// The counter of this state.
    pub fn of(state: &State) -> Self {
        Self { file: CheckedFile::new(state.identity_folder().join("counter"), "counter") }
    }
}

impl CounterStore for Counter {
    fn load(&self) -> Result<Option<u64>, RemoteError> {
        self.file.read().map_err(|error| as_remote(&error))
    }

    fn save(&self, counter: u64) -> Result<(), RemoteError> {
        self.file.write(&counter).map_err(|error| as_remote(&error))
    }
}

/// Whether the file is there and is no counter: no backup of this device can begin any more.
pub fn is_damaged(state: &State) -> bool {
    matches!(Counter::of(state).file.read::<u64>(), Err(AgentError::StateFileDamaged { .. }))
}

/// Removes the counter.
pub(super) fn forget(state: &State) -> Result<(), AgentError> {
    Counter::of(state).file.remove()
}

/// The trait speaks of remote errors; code and words stay what they are.
fn as_remote(error: &AgentError) -> RemoteError {
    RemoteError::new(error.code(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    #[test]
    fn the_number_is_kept_and_damage_is_no_number() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        let counter = Counter::of(&state);
        assert_eq!(counter.load().unwrap(), None);
        counter.save(7).unwrap();
        counter.save(u64::MAX).unwrap();
        assert_eq!(Counter::of(&state).load().unwrap(), Some(u64::MAX));
        std::fs::write(state.identity_folder().join("counter"), b"8").unwrap();
        assert_eq!(counter.load().unwrap_err().code, Code::IdentityDamaged);
        assert!(is_damaged(&state));
        forget(&state).unwrap();
        assert_eq!(counter.load().unwrap(), None);
        assert!(!is_damaged(&state));
    }
}
