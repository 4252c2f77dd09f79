//! What a run has done so far, as counters that another thread may read at any time, and the wish to stop.

use crate::EngineError;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Asking the server, reading the cache.
    Preparing = 0,
    /// Walking, reading, sending; or fetching and writing in a restore.
    Working = 1,
    /// Waiting for the last packs and the commit; or setting attributes of folders in a restore.
    Finishing = 2,
}

/// Counters of one run. Bytes are of file content unless the name says otherwise.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    stop: AtomicBool,
    failed: AtomicBool,
    total_known: AtomicBool,
    /// Files that the counting pass has found so far.
    pub total_files: AtomicU64,
    /// Their bytes.
    pub total_bytes: AtomicU64,
    /// Files that are done, unchanged ones included.
    pub done_files: AtomicU64,
    /// Their bytes.
    pub done_bytes: AtomicU64,
    /// Bytes that were read from files.
    pub read_bytes: AtomicU64,
    /// Bytes in chunks that the vault did not have.
    pub new_bytes: AtomicU64,
    /// Bytes of packs that the server has acknowledged as stored, compressed and encrypted.
    pub stored_bytes: AtomicU64,
    /// Findings so far.
    pub findings: AtomicU64,
}

impl Progress {
    /// All zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Preparing,
            1 => Phase::Working,
            _ => Phase::Finishing,
        }
    }

    /// Asks the run to stop soon, without a commit.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the counting pass is through, so that the totals are final.
    pub fn total_is_known(&self) -> bool {
        self.total_known.load(Ordering::Relaxed)
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn total_known(&self) {
        self.total_known.store(true, Ordering::Relaxed);
    }

    /// Lets all threads of a run end after one of them failed; the failure is what the run reports.
    pub(crate) fn stop_for_failure(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Forgets an earlier failure and what was seen, for another attempt. What was stored is stored.
    pub(crate) fn begin_attempt(&self) {
        self.total_known.store(false, Ordering::Relaxed);
        let seen = [&self.total_files, &self.total_bytes, &self.done_files, &self.done_bytes];
        for counter in seen.into_iter().chain([&self.read_bytes, &self.new_bytes, &self.findings]) {
            counter.store(0, Ordering::Relaxed);
        }
        self.failed.store(false, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop, or a part of it failed.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn go_on(&self) -> Result<(), EngineError> {
        if self.is_stopped() { Err(EngineError::Stopped) } else { Ok(()) }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
