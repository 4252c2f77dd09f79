//! How much went over the network: whether the server has answered yet, and what tests compare.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of bodies, without heads and TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Handed to the network in bodies of requests; a body that is sent again counts again.
    pub sent_bytes: u64,
    /// Bodies of packs and snapshots that the server has acknowledged.
    pub acknowledged_bytes: u64,
    /// Packs and snapshots acknowledged; a count.
    pub acknowledged_objects: u64,
    /// Received in bodies of answers.
    pub received_bytes: u64,
}

/// The counters behind [`Traffic`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sent_bytes: AtomicU64,
    acknowledged_bytes: AtomicU64,
    acknowledged_objects: AtomicU64,
    received_bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn acknowledged(&self, bytes: usize) {
        self.acknowledged_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.acknowledged_objects.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
            acknowledged_bytes: self.acknowledged_bytes.load(Ordering::Relaxed),
            acknowledged_objects: self.acknowledged_objects.load(Ordering::Relaxed),
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
        }
    }
}
