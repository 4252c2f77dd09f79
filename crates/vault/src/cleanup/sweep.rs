//! Pass 2: condemned frames whose time has come and that still nothing refers to are removed, from the log first.

use super::survey::Survey;
use super::{CleanupOptions, Marks, Registry, SweepReport};
use crate::claims::Claim;
use crate::damage::is_damage;
use crate::locks::try_lock;
use crate::log::Entry;
use crate::{Error, Vault};
use format::segment::{Change, ChangeKind, FrameState, PackRow, Segment};
use model::{Timestamp, failpoint};
use std::sync::Arc;

/// Packs that are written down as removed together and then worked off.
const BATCH_PACKS: usize = 64;

/// Frames to leave out of a pack.
struct Removal {
    row: Arc<PackRow>,
    frames: Vec<u32>,
}

impl Removal {
    fn is_whole(&self) -> bool {
        self.frames.len() == self.row.frames.len()
    }

    fn removed(&self) -> impl Iterator<Item = &FrameState> {
        self.row.frames.iter().filter(|frame| self.frames.binary_search(&frame.number).is_ok())
    }

    fn frame_bytes(&self) -> u64 {
        self.removed().map(|frame| u64::from(frame.length)).sum()
    }

    fn change(&self, sequence: u64) -> Change {
        let generation = (!self.is_whole()).then_some(self.row.generation.saturating_add(1));
        let kind = ChangeKind::Removed { generation };
        Change { sequence, kind, pack: self.row.id, frames: self.frames.clone() }
    }
}

impl Vault {
    /// Removes what may be removed, then what earlier steps left behind.
    pub fn sweep(&self, options: &CleanupOptions, registry: &dyn Registry) -> Result<SweepReport, Error> {
        let Some(_cleaning) = try_lock(&self.cleaning) else { return Err(Error::Busy { what: "cleanup" }) };
        let survey = self.survey(options, registry)?;
        // First, as one whose hunks are lost would end every pass that marks it.
        let (purged, marked) = self.purge_over(&survey, options)?;
        let (marks, _) = self.mark_all(&survey.log_after, &marked)?;
        let mut report = SweepReport { purged, snapshots: marked.len() as u64, ..SweepReport::default() };
        let mut removals = choose(&survey, &marks, self.clock.now(), options, &mut report);
        // Whole packs first: that needs no room, and gives some to the others.
        removals.sort_by_key(|removal| (!removal.is_whole(), removal.row.id));
        for batch in removals.chunks(BATCH_PACKS) {
            self.remove(batch, options.is_dry, &mut report)?;
        }
        self.delete_leftovers(options, &mut report)?;
        tracing::info!(vault = %self.id(), removed = report.removed.frames, freed_bytes = report.freed_bytes, "swept");
        Ok(report)
    }

    fn remove(&self, batch: &[Removal], is_dry: bool, report: &mut SweepReport) -> Result<(), Error> {
        let mut claimed: Vec<(&Removal, Claim)> = Vec::new();
        for removal in batch {
            match self.claims.take(removal.row.id) {
                Some(claim) => claimed.push((removal, claim)),
                None => report.busy_packs += 1,
            }
        }
        if claimed.is_empty() {
            return Ok(());
        }
        if !is_dry {
            failpoint::hit("vault.sweep.before_entry");
            self.log.append(|state| {
                let sequence = state.sequence + 1;
                let changes = claimed.iter().map(|(removal, _)| removal.change(sequence)).collect();
                Ok(Entry::Write(Segment::of_changes(state.incarnation, sequence, changes), ()))
            })?;
            failpoint::hit("vault.sweep.after_entry");
        }
        for (removal, _claim) in claimed {
            removal.removed().for_each(|frame| report.removed.add(frame.length));
            if removal.is_whole() {
                report.packs_removed += 1;
            } else {
                report.packs_rewritten += 1;
            }
            if is_dry {
                report.freed_bytes += removal.frame_bytes();
            } else {
                self.settle(removal.row.id, report)?;
            }
        }
        Ok(())
    }

    /// Brings the objects of a pack into the state of the log. Whoever calls has the pack alone.
    pub(super) fn settle(&self, pack: model::PackId, report: &mut SweepReport) -> Result<bool, Error> {
        let row = self.log.with(|state| state.packs.get(&pack).cloned())?;
        let settled = match row {
            Some(row) => self.packs.settle(&row),
            None => self.packs.delete_all(pack),
        };
        match settled {
            Ok(settled) => {
                report.freed_bytes += settled.freed_bytes;
                Ok(settled.was_written || settled.deleted_objects > 0)
            }
            Err(error) if is_damage(&error) => {
                tracing::warn!(%error, %pack, "a pack stays as it is");
                report.damaged_packs.push(pack);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

fn choose(
    survey: &Survey,
    marks: &Marks,
    now: Timestamp,
    options: &CleanupOptions,
    report: &mut SweepReport,
) -> Vec<Removal> {
    // A lease that is granted from now on has at least this epoch.
    let border = survey.oldest_epoch().unwrap_or(u64::MAX).min(survey.log.sequence);
    let is_ripe = |condemned: u64| {
        let time = survey.log.times.get(&condemned);
        condemned <= border && time.is_some_and(|time| time.after(options.grace) <= now)
    };
    let mut removals = Vec::new();
    for row in survey.log.packs.values() {
        let mut frames = Vec::new();
        for (at, frame) in row.frames.iter().enumerate().filter(|(_, frame)| frame.condemned != 0) {
            if marks.count(row, at) > 0 {
                report.marked_again.add(frame.length);
            } else if is_ripe(frame.condemned) {
                frames.push(frame.number);
            } else {
                report.waiting.add(frame.length);
            }
        }
        if !frames.is_empty() {
            removals.push(Removal { row: Arc::clone(row), frames });
        }
    }
    removals
}
