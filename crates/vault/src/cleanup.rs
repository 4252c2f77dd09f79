//! Cleanup without keys (`docs/format/cleanup.md`): what it may do, what it reports, and the order in which it looks.
//! The safety argument stands in the crate's first page.

mod leftovers;
mod mark;
mod marks;
mod survey;
mod sweep;

pub(crate) use marks::Marks;

use crate::error::BoxError;
use crate::{Error, LeaseGrant, Vault};
use model::SnapshotId;
use std::collections::HashSet;
use std::time::Duration;

/// What cleanup asks the caller's database. Both calls block.
pub trait Registry {
    /// The vault's leases that may still commit. A lease that is left out must never be able to commit again: whoever
    /// implements this expires it in the same transaction.
    fn live_leases(&self) -> Result<Vec<LeaseGrant>, BoxError>;

    /// The vault's snapshots, hidden ones included. Those must be left out whose time to be brought back is over:
    /// their objects may be gone. `None`: there is no database to compare with.
    fn known_snapshots(&self) -> Result<Option<HashSet<SnapshotId>>, BoxError>;
}

/// How cleanup works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CleanupOptions {
    /// From the condemnation of a frame to its removal at least; also the age of what is taken as left behind.
    pub grace: Duration,
    /// How long a hidden snapshot can be brought back.
    pub undo_window: Duration,
    /// Data frames of which the newest snapshots refer to a smaller part are retired, 0 to 1.
    pub retire_below: f64,
    /// How much is retired in one pass at most, as a part of what is marked, 0 to 1: runs bring it anew, and until the
    /// older snapshots go both are stored.
    pub retire_share: f64,
    /// How long to wait for commits and grants that are under way.
    pub patience: Duration,
    /// Look and report, write nothing.
    pub is_dry: bool,
}

impl Default for CleanupOptions {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(24 * 3600),
            undo_window: Duration::from_secs(7 * 24 * 3600),
            retire_below: 0.60,
            retire_share: 0.03,
            patience: Duration::from_secs(600),
            is_dry: false,
        }
    }
}

/// Frames and the size of their ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameCount {
    /// How many.
    pub frames: u64,
    /// Their ciphertext in bytes.
    pub frame_bytes: u64,
}

impl FrameCount {
    pub(crate) fn add(&mut self, length: u32) {
        self.frames += 1;
        self.frame_bytes += u64::from(length);
    }
}

/// What the first pass did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MarkReport {
    /// Snapshots whose time to be brought back was over: removed.
    pub purged: Vec<SnapshotId>,
    /// Snapshots that were marked.
    pub snapshots: u64,
    /// Distinct hunks that were marked.
    pub hunks: u64,
    /// Frames that something refers to.
    pub marked: FrameCount,
    /// Newly condemned.
    pub condemned: FrameCount,
    /// Newly retired.
    pub retired: FrameCount,
    /// No longer condemned.
    pub reprieved: FrameCount,
    /// Frames in which nothing is marked, kept for a lease that lives.
    pub protected: FrameCount,
    /// The log entry that holds all of it; `None` when nothing changed.
    pub sequence: Option<u64>,
}

/// What the second pass did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// Snapshots whose time to be brought back was over: removed.
    pub purged: Vec<SnapshotId>,
    /// Snapshots that were marked again.
    pub snapshots: u64,
    /// Frames left out of their packs.
    pub removed: FrameCount,
    /// Condemned frames that must wait: for their time, or for a lease.
    pub waiting: FrameCount,
    /// Condemned frames that something refers to again.
    pub marked_again: FrameCount,
    /// Packs of which nothing is left.
    pub packs_removed: u64,
    /// Packs written as a new generation.
    pub packs_rewritten: u64,
    /// Bytes of the store that became free.
    pub freed_bytes: u64,
    /// What was found left behind and deleted.
    pub leftovers: Leftovers,
    /// Packs that stayed as they are since they are damaged or gone; `verify` says more.
    pub damaged_packs: Vec<model::PackId>,
    /// Packs that were skipped since they are being uploaded.
    pub busy_packs: u64,
}

/// What steps that were cut off had left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leftovers {
    /// Packs that the log does not list.
    pub packs: u64,
    /// Packs with an older generation, or with frames that the log says are removed.
    pub generations: u64,
    /// Index segments inside another's interval.
    pub segments: u64,
    /// Deletion records without a snapshot.
    pub deletions: u64,
    /// Labels without a snapshot.
    pub labels: u64,
}

impl Vault {
    /// The whole cleanup: sweeps what earlier passes condemned, then marks. One runs at a time.
    pub fn cleanup(
        &self,
        options: &CleanupOptions,
        registry: &dyn Registry,
    ) -> Result<(SweepReport, MarkReport), Error> {
        let sweep = self.sweep(options, registry)?;
        let mark = self.mark(options, registry)?;
        Ok((sweep, mark))
    }
}
