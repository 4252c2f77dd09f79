//! A backup run: walk, compare with the last snapshot, read what changed, send what is new, commit.

mod added;
mod base;
mod cache;
mod count;
mod file_systems;
mod findings;
mod held;
mod hunks;
mod index;
mod item;
mod kept;
mod lookups;
mod meta;
mod mounts;
mod own_log;
mod packer;
mod preview;
mod read;
mod rules;
mod run;
mod sample;
mod scan;
mod segments;
mod set_roots;
mod small_file;
mod source;
mod unseen_file;
mod waiting;
mod walk;
mod watch;
pub mod why;
mod worker;

use crate::EngineError;
use crate::progress::Progress;
use crate::remote::Remote;
use format::classes::Classes;
use format::keys::Keyring;
use format::snapshot::ClearPart;
use model::{Clock, Code, DeviceId, Finding, SnapshotId};
pub use preview::{Preview, RootPreview, preview};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use watch::{Changed, Hints, Watch, WatchedSet};

/// Ids in a copy of the index of some 80 MB, for [`BackupRequest::index_ids_max`].
pub const INDEX_IDS_MAX: u64 = 4_000_000;

/// What to back up, and how.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// This device.
    pub device: DeviceId,
    /// Its name, kept in the snapshot's sealed part.
    pub device_name: String,
    /// Name of the set.
    pub set_name: String,
    /// Folders and files, absolute, without `..`; one may lie in another, and is walked whatever the rules say of it.
    /// One that is not there is a finding.
    pub paths: Vec<PathBuf>,
    /// Rules of exclusion, in the syntax of gitignore, anchored at `/`; later ones win.
    pub exclusions: Vec<String>,
    /// Leave out folders that hold a CACHEDIR.TAG.
    pub exclude_caches: bool,
    /// Stay on the file systems of the paths.
    pub one_file_system: bool,
    /// Folders of our own that are never backed up.
    pub own_folders: Vec<PathBuf>,
    /// The user says that roots which are missing, empty, something else or on another file system are meant to be so,
    /// and so are file systems below them that are not mounted.
    pub accept_changed_roots: bool,
    /// Where the caches of this vault may lie; the folder may vanish at any time.
    pub cache: PathBuf,
    /// Content at which a frame is closed, in bytes: the vault's frame target.
    pub frame_target: usize,
    /// zstd level.
    pub compression_level: i32,
    /// Threads that read and compress; 0 means one per core.
    pub workers: usize,
    /// How often a long run commits a checkpoint.
    pub checkpoint_every: Duration,
    /// Ciphertext in retired frames that one run brings anew at most, in bytes.
    pub renewal_limit_bytes: u64,
    /// Ids of data chunks that the copy of the vault's index holds at most, 20 bytes each in memory and in the cache, and
    /// that a run holds of what it adds. With more the server is asked. [`INDEX_IDS_MAX`] serves most machines.
    pub index_ids_max: u64,
    /// What changed since the snapshot that the run compares with, from a [`Watch`] over the same set: other folders are
    /// not walked. Where it is of another snapshot everything is walked.
    pub changed: Option<Arc<Changed>>,
    /// Count files ahead of a run that takes longer than a moment, for a progress bar.
    pub count_ahead: bool,
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct BackupSummary {
    /// The snapshot that was committed.
    pub snapshot: SnapshotId,
    /// Regular files in it.
    pub files: u64,
    /// Entries of every kind in it.
    pub entries: u64,
    /// Sizes of the files together.
    pub bytes: u64,
    /// Bytes read from files.
    pub read_bytes: u64,
    /// Bytes in chunks that the vault did not have.
    pub new_bytes: u64,
    /// Bytes that the server stored for this run.
    pub stored_bytes: u64,
    /// Everything missed, kept or changing.
    pub findings: Vec<Finding>,
    /// Findings in all; `findings` lists no more than the format takes.
    pub finding_count: u64,
}

/// Attempts that a run has. Each that is repeated leaves more of the vault alone.
const ATTEMPTS: usize = 3;

/// Runs one backup and commits its snapshot.
///
/// When the server says that some frames may no longer be referred to, or cannot read one of them, the run is repeated:
/// files that lay in them are read again and sent. A cache that cannot be read is fetched anew in the same way.
pub fn run(
    remote: &dyn Remote,
    keyring: &Keyring,
    classes: &Classes,
    request: &BackupRequest,
    clock: &Clock,
    progress: &Progress,
) -> Result<BackupSummary, EngineError> {
    if request.paths.is_empty() {
        return Err(EngineError::EmptySet);
    }
    let set = ClearPart::set_id(request.device, request.set_name.as_bytes());
    let roots = walk::normalised(&request.paths)?;
    let attempt = run::Attempt { remote, keyring, classes, request, roots, clock, progress, set };
    let mut forbidden = Vec::new();
    for _ in 1..ATTEMPTS {
        match attempt.run(&forbidden) {
            Err(EngineError::Remote(error)) if error.code == Code::RangesMissing => {
                let frames = error.missing.len();
                tracing::warn!(frames, "the server refused frames; reading their files again");
                forbidden.extend(error.missing);
            }
            Err(EngineError::Local { path, source })
                if path.starts_with(&request.cache) && !source.is_full() =>
            {
                let path = path.display();
                tracing::warn!(%path, error = %source, "the cache failed; reading the base from the server");
            }
            other => return other,
        }
    }
    attempt.run(&forbidden)
}

#[cfg(test)]
pub(crate) mod tests;
