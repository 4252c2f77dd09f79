//! Pass 1: what nothing refers to is condemned, what little refers to is retired, what is referred to again is
//! reprieved. All of it in one log entry; nothing is removed.

use super::survey::Survey;
use super::{CleanupOptions, FrameCount, MarkReport, Marks, Registry};
use crate::locks::try_lock;
use crate::log::Entry;
use crate::{Error, Vault};
use format::frame::PackKind;
use format::segment::{Change, ChangeKind, FrameState, PackRow, Segment};
use model::{LeaseId, failpoint};
use std::collections::HashSet;

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Protected,
    Condemned,
    Retired,
    Reprieved,
}

impl Vault {
    /// Marks everything that snapshots refer to and writes down what became of frames.
    pub fn mark(&self, options: &CleanupOptions, registry: &dyn Registry) -> Result<MarkReport, Error> {
        let Some(_cleaning) = try_lock(&self.cleaning) else { return Err(Error::Busy { what: "cleanup" }) };
        let survey = self.survey(options, registry)?;
        let (purged, marked) = self.purge_over(&survey, options)?;
        let (marks, hunks) = self.mark_all(&survey.log_after, &marked)?;
        let mut report =
            MarkReport { purged, snapshots: marked.len() as u64, hunks, ..MarkReport::default() };
        let changes = decide(&survey, &marks, options.retire_below, &mut report);
        if !changes.is_empty() && !options.is_dry {
            failpoint::hit("vault.mark.before_entry");
            report.sequence = Some(self.write_changes(&changes)?);
            failpoint::hit("vault.mark.after_entry");
        }
        tracing::info!(vault = %self.id(), condemned = report.condemned.frames, retired = report.retired.frames, "marked");
        Ok(report)
    }

    fn write_changes(&self, changes: &[Change]) -> Result<u64, Error> {
        let now = self.clock.now();
        self.log.append(|state| {
            let sequence = state.sequence + 1;
            let numbered = changes.iter().map(|change| Change { sequence, ..change.clone() }).collect();
            let segment = Segment::of_changes(state.incarnation, sequence, numbered).at(now);
            Ok(Entry::Write(segment, sequence))
        })
    }
}

fn decide(survey: &Survey, marks: &Marks, retire_below: f64, report: &mut MarkReport) -> Vec<Change> {
    let live = survey.live();
    let mut packs: Vec<&PackRow> = survey.log.packs.values().map(AsRef::as_ref).collect();
    packs.sort_unstable_by_key(|pack| pack.id);
    let mut changes = Vec::new();
    for pack in packs {
        let fates: Vec<Fate> = pack
            .frames
            .iter()
            .enumerate()
            .map(|(at, frame)| fate(pack, frame, marks.count(pack, at), &live, retire_below))
            .collect();
        for (at, frame) in pack.frames.iter().enumerate() {
            if marks.count(pack, at) > 0 {
                report.marked.add(frame.length);
            }
            if let Some(count) = counter(report, fates[at]) {
                count.add(frame.length);
            }
        }
        for (fate, kind) in [
            (Fate::Retired, ChangeKind::Retired),
            (Fate::Condemned, ChangeKind::Condemned),
            (Fate::Reprieved, ChangeKind::Reprieved),
        ] {
            let chosen = pack.frames.iter().zip(&fates).filter(|(_, other)| **other == fate);
            let frames: Vec<u32> = chosen.map(|(frame, _)| frame.number).collect();
            if !frames.is_empty() {
                changes.push(Change { sequence: 0, kind, pack: pack.id, frames });
            }
        }
    }
    changes
}

fn counter(report: &mut MarkReport, fate: Fate) -> Option<&mut FrameCount> {
    match fate {
        Fate::Stays => None,
        Fate::Protected => Some(&mut report.protected),
        Fate::Condemned => Some(&mut report.condemned),
        Fate::Retired => Some(&mut report.retired),
        Fate::Reprieved => Some(&mut report.reprieved),
    }
}

fn fate(pack: &PackRow, frame: &FrameState, marked: u32, live: &HashSet<LeaseId>, retire_below: f64) -> Fate {
    if marked > 0 && frame.condemned != 0 {
        return Fate::Reprieved;
    }
    if frame.condemned != 0 {
        return Fate::Stays;
    }
    let is_thin = pack.kind == PackKind::Data && f64::from(marked) < retire_below * f64::from(frame.chunks);
    match marked {
        // What a living lease uploaded may be referred to by the commit to come.
        0 if live.contains(&pack.lease) => Fate::Protected,
        0 => Fate::Condemned,
        _ if is_thin && frame.retired == 0 && !live.contains(&pack.lease) => Fate::Retired,
        _ => Fate::Stays,
    }
}
