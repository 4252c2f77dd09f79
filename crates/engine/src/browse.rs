//! Looks into snapshots as into folders: single entries, the names of one folder, content at any place. What was decoded
//! lately stays in memory, within bounds, and serves all snapshots that are looked into.

mod file;
mod folder;
mod hunks;
mod lru;
mod places;

use crate::EngineError;
use crate::frame_cache::Frames;
use crate::reader::SnapshotReader;
use crate::remote::{Remote, RemoteError};
pub use crate::restore::Key as LinkKey;
pub use file::{Ahead, OpenFile};
pub use folder::Name;
use format::entry::Entry;
use format::keys::Keyring;
use hunks::Hunks;
use lru::Lru;
use model::SnapshotId;
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Snapshots that stay open. Each holds the list of its hunks and its findings, some megabytes at most.
const OPEN_SNAPSHOTS: usize = 8;
/// Content of frames that stays in memory.
const KEPT_BYTES: usize = 64 << 20;

/// Looks into the snapshots of one vault, from several threads.
pub struct Browser<'r> {
    remote: &'r dyn Remote,
    keyring: &'r Keyring,
    open: Mutex<Lru<SnapshotId, Arc<Opened<'r>>>>,
    hunks: Hunks,
    frames: Frames,
}

/// A snapshot that is looked into.
#[derive(Debug)]
struct Opened<'r> {
    reader: SnapshotReader<'r>,
    /// Held while hunks are fetched, so that several threads do not fetch the same; with the last failure of the way to
    /// the server.
    fetching: Mutex<Option<(Instant, RemoteError)>>,
    /// Numbers of hunks that could not be read when they were wanted last.
    damaged: Mutex<HashSet<usize>>,
}

impl Opened<'_> {
    fn has_damage(&self) -> bool {
        !lock(&self.damaged).is_empty()
    }

    fn is_damaged(&self, hunk: usize) -> bool {
        lock(&self.damaged).contains(&hunk)
    }
}

/// An entry of a hunk that is in memory.
#[derive(Debug, Clone)]
pub struct Found {
    hunk: Arc<Vec<Entry>>,
    at: usize,
}

impl Deref for Found {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.hunk[self.at]
    }
}

impl<'r> Browser<'r> {
    /// Of the vault that `keyring` opens.
    pub fn new(remote: &'r dyn Remote, keyring: &'r Keyring) -> Self {
        let open = Mutex::new(Lru::new(OPEN_SNAPSHOTS));
        Self { remote, keyring, open, hunks: Hunks::new(), frames: Frames::keeping(KEPT_BYTES) }
    }

    fn snapshot(&self, id: SnapshotId) -> Result<Arc<Opened<'r>>, EngineError> {
        if let Some(opened) = lock(&self.open).get(id) {
            return Ok(opened);
        }
        // Two threads may open it at the same time; one of both stays.
        let reader = SnapshotReader::open(self.remote, self.keyring, id)?;
        let opened = Arc::new(Opened { reader, fetching: Mutex::default(), damaged: Mutex::default() });
        lock(&self.open).put(id, Arc::clone(&opened), 1);
        Ok(opened)
    }

    /// The entry with exactly this path.
    pub fn find(&self, snapshot: SnapshotId, path: &[u8]) -> Result<Option<Found>, EngineError> {
        let opened = self.snapshot(snapshot)?;
        // The one in front is read only when the entry is not where it most likely is: damage there keeps nobody from it.
        for number in opened.reader.hunks_with(path).rev() {
            let hunk = self.hunks.get(&opened, number)?;
            let at = hunk.partition_point(|entry| format::path::compare(&entry.path, path).is_lt());
            // Behind a file's entry stand its continuations; in front of them all stands the file.
            if hunk.get(at).is_some_and(|entry| entry.path == path && folder::is_name(entry)) {
                return Ok(Some(Found { hunk, at }));
            }
        }
        Ok(None)
    }

    /// Whether a folder of the set lies below this path, so that the path is a folder whatever the list says.
    pub fn is_above_root(&self, snapshot: SnapshotId, path: &[u8]) -> Result<bool, EngineError> {
        let opened = self.snapshot(snapshot)?;
        let roots = &opened.reader.sealed().paths;
        Ok(roots.iter().any(|root| root != path && format::path::is_within(root, path)))
    }
}

impl std::fmt::Debug for Browser<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browser").finish_non_exhaustive()
    }
}

/// The key that all names of one file share; `None` for a file with one name.
pub fn link_key(entry: &Entry) -> Option<LinkKey> {
    LinkKey::of(entry)
}

/// Bytes that a file takes without its holes; 0 for other kinds.
pub fn data_bytes(entry: &Entry) -> u64 {
    crate::runs::data_bytes(entry)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
