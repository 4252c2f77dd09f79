//! The reserve of disk space: uploads end while there is still room for reads, deletions and cleanup.

use crate::instance::Instance;
use crate::{Error, Result, blocking};
use blobs::BlobStore;
use model::Code;
use std::sync::Arc;

/// Refuses when `bytes` more would go into the reserve.
pub async fn check(instance: &Arc<Instance>, bytes: u64) -> Result<()> {
    let store = instance.store.clone();
    let Some(space) = blocking(move || store.space()).await? else { return Ok(()) };
    let reserve = instance.settings().reserve(space.total_bytes);
    if space.available_bytes >= reserve.saturating_add(bytes) {
        return Ok(());
    }
    tracing::warn!(space.available_bytes, reserve, "no space for uploads");
    Err(Error::refused(Code::StorageFull, "the server has no space for more"))
}
