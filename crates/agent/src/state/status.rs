//! The status of this device as the service last wrote it, and the mark of a service that runs.

use super::{FILE_MODE, State, read, remove};
use crate::AgentError;
use platform::durable;
use std::path::PathBuf;

const LIMIT_BYTES: u64 = 16 << 20;

/// The status that was written last. None when there is none, and when it cannot be read: it is made anew then, which is
/// logged, since a device must not go without backups for it.
pub fn read_status(state: &State) -> Result<Option<status::State>, AgentError> {
    let path = path(state);
    let too_long = |reason: String| AgentError::SettingsInvalid { path: path.clone(), reason };
    let bytes = match read(&path, LIMIT_BYTES, too_long) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error @ AgentError::SettingsInvalid { .. }) => {
            tracing::error!(%error, "the status is made anew");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    match serde_json::from_slice(&bytes) {
        Ok(status) => Ok(Some(status)),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "the status is made anew");
            Ok(None)
        }
    }
}

/// Writes the status, durably. The caller holds the state's lock.
pub fn write_status(state: &State, status: &status::State) -> Result<(), AgentError> {
    let bytes = serde_json::to_vec(status).map_err(|error| AgentError::Defect(error.to_string()))?;
    let path = path(state);
    durable::write_file(&path, &bytes, FILE_MODE).map_err(|error| AgentError::state(&path, error))
}

/// The boot in which a service began that has not been stopped since.
pub fn read_mark(state: &State) -> Result<Option<String>, AgentError> {
    let path = mark(state);
    let too_long = |reason: String| AgentError::SettingsInvalid { path: path.clone(), reason };
    let bytes = read(&path, 4096, too_long)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
}

/// Marks that a service runs in this boot.
pub fn write_mark(state: &State, boot: &str) -> Result<(), AgentError> {
    let path = mark(state);
    durable::write_file(&path, boot.as_bytes(), FILE_MODE).map_err(|error| AgentError::state(&path, error))
}

/// Takes the mark away: the service was stopped.
pub fn remove_mark(state: &State) -> Result<(), AgentError> {
    remove(&mark(state))
}

fn path(state: &State) -> PathBuf {
    state.settings_folder().join("status.json")
}

fn mark(state: &State) -> PathBuf {
    state.settings_folder().join("running")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    #[test]
    fn a_status_comes_back_and_a_damaged_one_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        assert!(read_status(&state).unwrap().is_none());
        let status = status::State::new(Timestamp::from_secs(7));
        write_status(&state, &status).unwrap();
        assert_eq!(read_status(&state).unwrap(), Some(status));
        std::fs::write(path(&state), "{").unwrap();
        assert!(read_status(&state).unwrap().is_none());
    }

    #[test]
    fn a_mark_stays_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        assert_eq!(read_mark(&state).unwrap(), None);
        write_mark(&state, "abc").unwrap();
        assert_eq!(read_mark(&state).unwrap().as_deref(), Some("abc"));
        remove_mark(&state).unwrap();
        remove_mark(&state).unwrap();
        assert_eq!(read_mark(&state).unwrap(), None);
    }
}
