//! Which folders below `blobs/` are known to be durable, so that a write syncs each new folder's parent once.
//! It must not know of files.

use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::failpoint;

use super::disk::Disk;
use super::{create_if_missing, folder_path};
use crate::Key;

/// Above this the memory begins anew: the cost is one sync per folder, the gain a bound.
const KNOWN_FOLDERS: usize = 16_384;

/// The folders that this process has made durable, named as in keys. Stores never remove folders.
#[derive(Default)]
pub(super) struct Parents(Mutex<HashSet<Box<str>>>);

impl Parents {
    /// Creates the folders of a key that are missing and makes their names durable. A folder that exists may have
    /// been made by a thread that has not synced its parent yet, so existence alone is not enough.
    pub(super) fn ensure(&self, disk: &dyn Disk, key: &Key) -> io::Result<()> {
        let mut parent = "";
        for folder in key.folders() {
            if !self.known().contains(folder) {
                create_if_missing(disk, &folder_path(folder))?;
                failpoint::hit("blob.folder.before_dir_fsync");
                disk.sync_folder(&folder_path(parent))?;
                failpoint::hit("blob.folder.after_dir_fsync");
                self.remember(folder);
            }
            parent = folder;
        }
        Ok(())
    }

    /// Forgets the folders of a key, after one of them turned out to be missing.
    pub(super) fn forget(&self, key: &Key) {
        let mut known = self.known();
        for folder in key.folders() {
            known.remove(folder);
        }
    }

    fn remember(&self, folder: &str) {
        let mut known = self.known();
        if known.len() >= KNOWN_FOLDERS {
            known.clear();
        }
        known.insert(folder.into());
    }

    fn known(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
