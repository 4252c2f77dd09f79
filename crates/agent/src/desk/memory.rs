//! What was shown on the desktop, kept for the next start.

use crate::AgentError;
use crate::state::State;
use desktop::Memory;
use platform::durable;
use std::path::PathBuf;

const FILE_MODE: u32 = 0o600;

/// What was kept. Nothing where there is none or it cannot be read: what holds is shown once more then.
pub(super) fn read(state: &State) -> Result<Memory, AgentError> {
    let path = path(state);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "what was shown on the desktop is not known");
            Memory::default()
        })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Memory::default()),
        Err(error) => Err(AgentError::local(&path, error)),
    }
}

/// Keeps it. The caller holds the lock of the desktop.
pub(super) fn write(state: &State, memory: &Memory) -> Result<(), AgentError> {
    let bytes = serde_json::to_vec(memory).map_err(|error| AgentError::Defect(error.to_string()))?;
    let path = path(state);
    durable::write_file(&path, &bytes, FILE_MODE).map_err(|error| AgentError::state(&path, error))
}

fn path(state: &State) -> PathBuf {
    state.settings_folder().join("desktop.json")
}
