//! What cleanup decides on, gathered in the order that makes it safe: the log, the leases, the snapshots.

use super::marks::{Marks, Unmarkable};
use super::{CleanupOptions, Registry};
use crate::damage::is_damage;
use crate::log::LogState;
use crate::reach::references;
use crate::snapshots::SnapshotInfo;
use crate::{Error, FrameId, LeaseGrant, Refusal, Vault};
use model::{LeaseId, SnapshotId};
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) struct Survey {
    /// The log before anything else was looked at: what is decided on.
    pub(super) log: LogState,
    /// The log after the snapshots were listed: it has everything that they refer to.
    pub(super) log_after: LogState,
    leases: Vec<LeaseGrant>,
    pub(super) snapshots: Vec<SnapshotInfo>,
    /// Hidden snapshots that cannot be read and whose time is over: they go, and nothing is marked for them.
    unreadable_over: Vec<SnapshotId>,
}

impl Survey {
    /// The epoch of the oldest live lease.
    pub(super) fn oldest_epoch(&self) -> Option<u64> {
        self.leases.iter().map(|lease| lease.epoch).min()
    }

    pub(super) fn live(&self) -> HashSet<LeaseId> {
        self.leases.iter().map(|lease| lease.id).collect()
    }
}

impl Vault {
    /// Gathers what a pass decides on. The order is the proof: see the crate's first page.
    pub(super) fn survey(&self, options: &CleanupOptions, registry: &dyn Registry) -> Result<Survey, Error> {
        self.log.refresh()?;
        let log = self.log.with(LogState::clone)?;
        // A grant whose number was read before that is recorded now, so the leases below include it.
        self.drain(options)?;
        let leases = registry.live_leases().map_err(Error::Registry)?;
        let known_before = registry.known_snapshots().map_err(Error::Registry)?;
        // A commit under a lease that was left out is durable now, so the list below includes it.
        self.drain(options)?;
        let list = self.snapshots.list()?;
        let now = self.clock.now();
        let unreadable_over = self.unreadable_over(&list.unreadable, now, options.undo_window)?;
        if let Some(snapshot) = list.unreadable.iter().find(|id| !unreadable_over.contains(id)) {
            return Err(Error::CleanupRefused(Refusal::SnapshotUnreadable { snapshot: *snapshot }));
        }
        if let Some(known_before) = known_before {
            // What is in the list was written under a hold that is returned now, so the database knows it.
            self.drain(options)?;
            let known_after = registry.known_snapshots().map_err(Error::Registry)?.unwrap_or_default();
            // Those whose time is over go anyway, whether the database still knows them or not. Asked now, as the time
            // may have ended since the list was read.
            let (now, stored) = (self.clock.now(), list.snapshots.iter());
            let stored = stored.filter(|info| {
                known_after.contains(&info.id) || !crate::snapshots::is_over(info, now, options.undo_window)
            });
            agree(&stored.map(|info| info.id).collect(), &known_before, &known_after)?;
        }
        self.log.refresh()?;
        let log_after = self.log.with(LogState::clone)?;
        Ok(Survey { log, log_after, leases, snapshots: list.snapshots, unreadable_over })
    }

    /// Removes the snapshots whose time to be brought back is over. Gives their ids, and the snapshots to be marked.
    pub(super) fn purge_over(
        &self,
        survey: &Survey,
        options: &CleanupOptions,
    ) -> Result<(Vec<SnapshotId>, Vec<SnapshotInfo>), Error> {
        let now = self.clock.now();
        let is_over = |info: &SnapshotInfo| crate::snapshots::is_over(info, now, options.undo_window);
        let purged: Vec<SnapshotId> = if options.is_dry {
            let over = survey.snapshots.iter().filter(|info| is_over(info)).map(|info| info.id);
            over.chain(survey.unreadable_over.iter().copied()).collect()
        } else {
            self.purge(options.undo_window)?
        };
        // One that was brought back or whose time ended in between is marked all the same.
        let gone: HashSet<_> = purged.iter().copied().collect();
        // One that cannot be read cannot be marked.
        if let Some(snapshot) = survey.unreadable_over.iter().find(|id| !gone.contains(id)) {
            return Err(Error::CleanupRefused(Refusal::SnapshotUnreadable { snapshot: *snapshot }));
        }
        let marked = survey.snapshots.iter().filter(|info| !gone.contains(&info.id)).cloned().collect();
        Ok((purged, marked))
    }

    fn drain(&self, options: &CleanupOptions) -> Result<(), Error> {
        if self.gate.drain(options.patience) {
            return Ok(());
        }
        Err(Error::Busy { what: "a commit or a grant of a lease that does not end" })
    }

    /// Marks what these snapshots refer to: the ranges of their hunks, and the list of each distinct hunk once. The
    /// newest of each set come first, so that what they refer to is known apart from the rest. Gives the number of
    /// hunks, too.
    pub(super) fn mark_all(&self, log: &LogState, snapshots: &[SnapshotInfo]) -> Result<(Marks, u64), Error> {
        let mut marks = Marks::new(log);
        let newest = newest_of_sets(snapshots);
        let (newest, older): (Vec<_>, Vec<_>) = snapshots.iter().partition(|info| newest.contains(&info.id));
        let mut hunks = self.mark_those(&mut marks, &newest)?;
        marks.end_newest();
        hunks += self.mark_those(&mut marks, &older)?;
        Ok((marks, hunks))
    }

    /// Reads the lists of those hunks alone that the newest snapshots did not mark.
    fn mark_those(&self, marks: &mut Marks, snapshots: &[&SnapshotInfo]) -> Result<u64, Error> {
        let mut owners: HashMap<FrameId, SnapshotId> = HashMap::new();
        for info in snapshots {
            let record = match self.read_snapshot(info.id) {
                Ok((_, record)) => record,
                // Withdrawn since it was listed; nothing else removes snapshots meanwhile.
                Err(Error::SnapshotUnknown { .. }) => continue,
                Err(Error::Damaged { .. }) => {
                    return Err(Error::CleanupRefused(Refusal::SnapshotUnreadable { snapshot: info.id }));
                }
                Err(error) => return Err(error),
            };
            for range in record.clear.hunks.as_slice() {
                marks.mark(range).map_err(refuse)?;
                owners.entry(FrameId { pack: range.pack, frame: range.frame }).or_insert(info.id);
            }
        }
        let mut hunks = 0;
        for (pack, places) in marks.further_hunks() {
            let unreadable = |frame: u32| {
                let frame = FrameId { pack, frame };
                let snapshot = owners.get(&frame).copied().unwrap_or(SnapshotId::from_bytes([0; 16]));
                Error::CleanupRefused(Refusal::HunkUnreadable { snapshot, frame })
            };
            let first = places.first().map_or(0, |(frame, _)| *frame);
            let file = match self.open_pack(pack) {
                Ok(file) => file,
                Err(error) if is_damage(&error) => {
                    return Err(unreadable(first));
                }
                Err(error) => return Err(error),
            };
            for (frame, ordinal) in places {
                let list = references(&file, frame, ordinal).ok_or_else(|| unreadable(frame))?;
                list.as_slice().iter().try_for_each(|range| marks.mark(range)).map_err(refuse)?;
                hunks += 1;
            }
        }
        Ok(hunks)
    }
}

/// The newest snapshot of each set, of those that are not hidden.
fn newest_of_sets(snapshots: &[SnapshotInfo]) -> HashSet<SnapshotId> {
    let mut newest: HashMap<_, &SnapshotInfo> = HashMap::new();
    for info in snapshots.iter().filter(|info| info.deleted.is_none()) {
        let of_set = newest.entry((info.device, info.set)).or_insert(info);
        if info.sequence > of_set.sequence {
            *of_set = info;
        }
    }
    newest.values().map(|info| info.id).collect()
}

fn refuse(unmarkable: Unmarkable) -> Error {
    Error::CleanupRefused(Refusal::RangeNotInLog { frame: unmarkable.0 })
}

/// Fails when database and store know different snapshots.
fn agree(
    stored: &HashSet<SnapshotId>,
    known_before: &HashSet<SnapshotId>,
    known_after: &HashSet<SnapshotId>,
) -> Result<(), Error> {
    // Rows are written after the object and taken away after it is gone, so each side is compared with what the other
    // knew on the safe side of the listing.
    let only_in_store: BTreeSet<SnapshotId> = stored.difference(known_after).copied().collect();
    let only_in_database: BTreeSet<SnapshotId> =
        known_before.difference(stored).filter(|id| known_after.contains(id)).copied().collect();
    if only_in_store.is_empty() && only_in_database.is_empty() {
        return Ok(());
    }
    Err(Error::CleanupRefused(Refusal::SnapshotsDisagree {
        only_in_store: only_in_store.into_iter().collect(),
        only_in_database: only_in_database.into_iter().collect(),
    }))
}
