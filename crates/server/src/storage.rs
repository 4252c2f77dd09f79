//! Whether backups can be stored: the store is at its place, it can be written, and there is room.

use crate::instance::{Instance, store_path};
use crate::{Error, Result, blocking};
use blobs::{BlobStore, FolderStore, Key, PutMode, Space, StoreId};
use model::Code;
use std::sync::Arc;

/// What is known of the storage now.
#[derive(Debug)]
pub struct Storage {
    /// Why nothing can be stored, apart from the room.
    pub fault: Option<Error>,
    /// The room on its disk, where that has a meaning.
    pub space: Option<Space>,
    /// What uploads leave free, in bytes.
    pub reserve_bytes: Option<u64>,
}

impl Storage {
    /// Whether so many bytes more, beside the reserve, have no room.
    pub fn is_full(&self, bytes: u64) -> bool {
        let needed = self.reserve_bytes.unwrap_or(0).saturating_add(bytes);
        self.space.is_some_and(|space| space.available_bytes < needed)
    }
}

/// Why nothing can be stored, apart from the room. Blocks.
pub fn fault(instance: &Instance) -> Option<Error> {
    let settings = instance.settings();
    // Once more by its path: the disk may have been taken away since it was opened.
    let path = store_path(&instance.data, &settings);
    if let Err(error) = FolderStore::look(&path, StoreId::parse(&settings.store_id)) {
        return Some(error.into());
    }
    // A disk with an error may have become read-only. Nothing is seen of an object that is not finished.
    Key::parse("server/check")
        .and_then(|key| instance.store.create(&key, PutMode::Replace))
        .err()
        .map(Error::from)
}

/// Looks at the storage.
pub async fn look(instance: &Arc<Instance>) -> Result<Storage> {
    let instance = instance.clone();
    blocking(move || {
        let fault = fault(&instance);
        // A disk that is gone has no room either; that it is gone is what there is to say.
        let space = if fault.is_none() { instance.store.space()? } else { None };
        let reserve_bytes = space.map(|space| instance.settings().reserve(space.total_bytes));
        Ok::<_, Error>(Storage { fault, space, reserve_bytes })
    })
    .await
}

/// Refuses a backup that could not be stored.
pub async fn check(instance: &Arc<Instance>) -> Result<()> {
    let storage = look(instance).await?;
    if storage.is_full(0) {
        return Err(Error::refused(Code::StorageFull, "the server has no space for more"));
    }
    match storage.fault {
        Some(error) => {
            tracing::warn!(%error, "the store cannot be used");
            Err(Error::refused(Code::StoreUnusable, "the server cannot use its disk; its log says why"))
        }
        None => Ok(()),
    }
}
