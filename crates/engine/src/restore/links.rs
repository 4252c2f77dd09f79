//! Hard links: the first name of a file that is restored, and how later names find it.

use super::folder::{Folder, Handle};
use super::outcome::Trouble;
use super::place::Place;
use format::entry::{Entry, EntryKind, FileTime, flags};
use platform::Dir;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// Names with an equal key are names of one file. Size and time are part of it, since an entry that was taken over
/// from an earlier snapshot may carry an inode number that has been given to another file since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    dev: u64,
    ino: u64,
    kind: EntryKind,
    size: u64,
    modified: FileTime,
}

impl Key {
    /// The key of an entry that had other names.
    pub fn of(entry: &Entry) -> Option<Self> {
        let Entry { dev, ino, kind, size, modified, .. } = *entry;
        (entry.has(flags::HARD_LINK) && kind != EntryKind::Dir).then_some(Self {
            dev,
            ino,
            kind,
            size,
            modified,
        })
    }
}

/// The first names of files with several.
#[derive(Debug, Default)]
pub(super) struct Links {
    firsts: Mutex<HashMap<Key, First>>,
    changed: Condvar,
}

#[derive(Debug, Clone)]
enum First {
    /// A thread is restoring it.
    Pending,
    Done(Arc<FirstName>),
    Failed,
}

/// Where the first name lies.
#[derive(Debug)]
pub(super) struct FirstName {
    place: Arc<Place>,
    folder: Weak<Handle>,
    pub(super) name: Vec<u8>,
}

impl FirstName {
    pub(super) fn new(folder: &Arc<Folder>, name: &[u8]) -> Self {
        Self { place: Arc::clone(&folder.place), folder: folder.weak_handle(), name: name.to_vec() }
    }

    /// Opens the folder that holds the name: from the one being filled where it is still open, else from the
    /// target's own folder down.
    pub(super) fn open(&self, base: &Arc<Dir>) -> Result<Arc<Dir>, Trouble> {
        let handle = self.folder.upgrade();
        let dir = handle.and_then(|handle| handle.lock().unwrap_or_else(PoisonError::into_inner).clone());
        if let Some(dir) = dir {
            return Ok(dir);
        }
        Ok(self.place.open(base)?)
    }
}

impl Links {
    /// True when the entry is the first of its file: it is restored with its content, and tells here how that went.
    pub(super) fn claim(&self, key: Key) -> bool {
        let mut firsts = self.lock();
        if firsts.contains_key(&key) {
            return false;
        }
        firsts.insert(key, First::Pending);
        true
    }

    /// The first name is there.
    pub(super) fn done(&self, key: Key, first: FirstName) {
        self.lock().insert(key, First::Done(Arc::new(first)));
        self.changed.notify_all();
    }

    /// The first name was there already, before another took that part.
    pub(super) fn found(&self, key: Key, first: FirstName) {
        self.lock().entry(key).or_insert_with(|| First::Done(Arc::new(first)));
    }

    /// The first name could not be restored: the next one takes its part.
    pub(super) fn failed(&self, key: Key) {
        self.lock().insert(key, First::Failed);
        self.changed.notify_all();
    }

    /// Waits for the first name, which was begun earlier. `None` makes the caller the first.
    pub(super) fn wait(&self, key: Key) -> Option<Arc<FirstName>> {
        let mut firsts = self.lock();
        loop {
            match firsts.get(&key) {
                Some(First::Done(first)) => return Some(Arc::clone(first)),
                Some(First::Pending) => {
                    firsts = self.changed.wait(firsts).unwrap_or_else(PoisonError::into_inner);
                }
                Some(First::Failed) | None => {
                    firsts.insert(key, First::Pending);
                    return None;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, First>> {
        self.firsts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
