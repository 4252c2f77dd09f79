//! What the sealed parts of snapshots say for a list: name of set and device, paths. Fetching a record costs a
//! request; this file saves it. It may vanish or break at any time, and then costs that again.

use super::{FILE_MODE, State, read};
use crate::AgentError;
use model::SnapshotId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

const LIMIT_BYTES: u64 = 256 << 20;

/// What a list shows of a snapshot's sealed part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedNames {
    /// Name of the set, as bytes.
    pub set: api::Blob,
    /// Name of the device, as bytes.
    pub device_name: api::Blob,
    /// Paths of the set, as bytes.
    pub paths: Vec<api::Blob>,
}

/// The names that are known, by snapshot.
pub type KnownNames = HashMap<SnapshotId, SealedNames>;

/// The names that the cache holds; none when it is not there or cannot be read.
pub fn read_names(state: &State) -> KnownNames {
    let path = path(state);
    let damaged = |reason| AgentError::StateFileDamaged { path: path.clone(), reason };
    let bytes = read(&path, LIMIT_BYTES, damaged).ok().flatten();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Stores the names. A cache that cannot be written is no reason to fail.
pub fn write_names(state: &State, names: &KnownNames) {
    let written = serde_json::to_vec(names).map_err(|error| error.to_string()).and_then(|bytes| {
        platform::durable::create_dir_all(&state.cache_folder(), super::FOLDER_MODE)
            .and_then(|_| platform::durable::write_file(&path(state), &bytes, FILE_MODE))
            .map_err(|error| error.to_string())
    });
    if let Err(error) = written {
        tracing::info!(error, "the names of snapshots could not be cached");
    }
}

fn path(state: &State) -> std::path::PathBuf {
    state.cache_folder().join("snapshots.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_a_broken_cache_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        assert!(read_names(&state).is_empty());
        let names = SealedNames {
            set: api::Blob(b"default".to_vec()),
            device_name: api::Blob(b"laptop".to_vec()),
            paths: vec![api::Blob(b"/a\xff".to_vec())],
        };
        let all = KnownNames::from([(SnapshotId::random(), names)]);
        // The folder does not exist yet.
        write_names(&state, &all);
        assert_eq!(read_names(&state), all);
        std::fs::write(path(&state), b"{").unwrap();
        assert!(read_names(&state).is_empty());
    }
}
