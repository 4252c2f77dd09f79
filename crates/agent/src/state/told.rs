//! How far the server has the log of this device.

use super::{FILE_MODE, State, read};
use crate::AgentError;
use platform::durable;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const LIMIT_BYTES: u64 = 4096;

/// What the server has of this device's log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What the server's numbers are greater by: a device that took another's place goes on above the other's.
    pub offset: u64,
    /// The last change that the server has, by its own number.
    pub acknowledged: u64,
}

impl Told {
    /// What was noted last; none on a device that never told anything. A file that cannot be read is none, too: the
    /// server is asked anyway.
    pub fn read(state: &State) -> Result<Option<Self>, AgentError> {
        let path = path(state);
        let too_long = |reason: String| AgentError::SettingsInvalid { path: path.clone(), reason };
        Ok(read(&path, LIMIT_BYTES, too_long)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Notes it, durably. The caller holds the state's lock.
    pub fn write(&self, state: &State) -> Result<(), AgentError> {
        let bytes = serde_json::to_vec(self).map_err(|error| AgentError::Defect(error.to_string()))?;
        let path = path(state);
        durable::write_file(&path, &bytes, FILE_MODE).map_err(|error| AgentError::state(&path, error))
    }

    /// What is so when the server's last number is `server_last`, and `own_last` is that of the log here.
    pub fn aligned(told: Option<Self>, server_last: u64, own_last: u64) -> Self {
        let Some(Self { offset, acknowledged }) = told else {
            return Self { offset: server_last, acknowledged: 0 };
        };
        let reached = server_last.saturating_sub(offset);
        if reached <= own_last {
            // An answer was lost, or the server was set back.
            return Self { offset, acknowledged: reached };
        }
        // This state was set back: its numbers would be taken for those that the server has.
        let acknowledged = acknowledged.min(own_last);
        Self { offset: server_last - acknowledged, acknowledged }
    }
}

fn path(state: &State) -> PathBuf {
    state.settings_folder().join("told.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_comes_back_and_damage_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        assert_eq!(Told::read(&state).unwrap(), None);
        let told = Told { offset: 3, acknowledged: 7 };
        told.write(&state).unwrap();
        assert_eq!(Told::read(&state).unwrap(), Some(told));
        std::fs::write(path(&state), "{").unwrap();
        assert_eq!(Told::read(&state).unwrap(), None);
    }

    #[test]
    fn numbers_at_the_server_only_grow_and_nothing_is_skipped() {
        let told = |offset, acknowledged| Told { offset, acknowledged };
        // A new device, and one that took another's place.
        assert_eq!(Told::aligned(None, 0, 5), told(0, 0));
        assert_eq!(Told::aligned(None, 40, 5), told(40, 0));
        let known = Some(told(40, 3));
        assert_eq!(Told::aligned(known, 43, 5), told(40, 3));
        assert_eq!(Told::aligned(known, 45, 5), told(40, 5), "the last answer was lost");
        assert_eq!(Told::aligned(known, 42, 5), told(40, 2), "the server was set back");
        assert_eq!(Told::aligned(known, 0, 5), told(40, 0), "and has nothing");
        // The log was set back to its second change: the third is another one than that of the server.
        assert_eq!(Told::aligned(known, 45, 2), told(43, 2));
        // Set back to the fourth, when the server had three of five noted as told.
        assert_eq!(Told::aligned(known, 45, 4), told(42, 3));
    }
}
