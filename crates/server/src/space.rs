//! The reserve of disk space: uploads end while there is still room for reads, deletions and cleanup. What uploads have
//! announced and not yet written counts as used: many that come at once would share the same free space otherwise.

use crate::instance::Instance;
use crate::{Error, Result, blocking};
use blobs::BlobStore;
use model::Code;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that uploads under way have still to write. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Announced(Arc<AtomicU64>);

/// One announced upload; what is left of it is forgotten when dropped.
#[derive(Debug)]
pub struct Announcement {
    all: Announced,
    left_bytes: u64,
}

impl Announced {
    fn add(&self, bytes: u64) -> Announcement {
        self.0.fetch_add(bytes, Ordering::SeqCst);
        Announcement { all: self.clone(), left_bytes: bytes }
    }

    fn bytes(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Announcement {
    /// So many bytes lie in the store now, where the free space tells of them.
    pub fn written(&mut self, bytes: u64) {
        let written = bytes.min(self.left_bytes);
        self.left_bytes -= written;
        self.all.0.fetch_sub(written, Ordering::SeqCst);
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.written(self.left_bytes);
    }
}

/// Refuses when an upload of `bytes`, with all that are under way, would go into the reserve.
pub async fn announce(instance: &Arc<Instance>, announced: &Announced, bytes: u64) -> Result<Announcement> {
    // Counted before the look at the disk: of two at once at least the later one sees both.
    let announcement = announced.add(bytes);
    check(instance, announced.bytes()).await?;
    Ok(announcement)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_counts_until_it_is_written_or_given_up() {
        let announced = Announced::default();
        let mut first = announced.add(100);
        let second = announced.add(30);
        assert_eq!(announced.bytes(), 130);
        first.written(60);
        assert_eq!(announced.bytes(), 70);
        // More than was announced takes nothing away from the others.
        first.written(60);
        assert_eq!(announced.bytes(), 30);
        drop(first);
        assert_eq!(announced.bytes(), 30);
        drop(second);
        assert_eq!(announced.bytes(), 0);
    }
}
