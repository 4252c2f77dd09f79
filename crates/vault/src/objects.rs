//! A vault's corner of the object store: its names, and reads and writes of whole objects in the terms of a vault.

use crate::Error;
use crate::names::Names;
use blobs::{BlobInfo, BlobStore, ErrorKind, Key, PutMode};
use model::Timestamp;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

#[derive(Clone)]
pub(crate) struct Objects {
    pub(crate) store: Arc<dyn BlobStore>,
    pub(crate) names: Names,
}

impl Objects {
    /// Writes an object that must not be there; false when it is.
    pub(crate) fn put_new(&self, key: &Key, bytes: &[u8]) -> Result<bool, Error> {
        match self.store.put(key, bytes, PutMode::CreateNew) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn replace(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.store.put(key, bytes, PutMode::Replace)?)
    }

    /// A whole object of at most `limit` bytes; `None` when it is not there.
    pub(crate) fn read(&self, key: &Key, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        match self.store.read_limited(key, limit as u64) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn delete(&self, key: &Key) -> Result<(), Error> {
        Ok(self.store.delete(key)?)
    }

    pub(crate) fn exists(&self, key: &Key) -> Result<bool, Error> {
        Ok(self.store.info(key)?.is_some())
    }

    /// All objects of one kind: `keys`, `packs`, `index`, `snapshots`, `deleted` or `labels`.
    pub(crate) fn all(&self, kind: &str) -> Result<Vec<BlobInfo>, Error> {
        Ok(self.store.list(&self.names.all(kind))?)
    }
}

/// When a blob was last written, by the clock of the store.
pub(crate) fn modified(info: &BlobInfo) -> Timestamp {
    match info.modified.duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp::from_micros(0).after(since),
        Err(before) => Timestamp::from_micros(0).before(before.duration()),
    }
}
