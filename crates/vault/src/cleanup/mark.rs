//! Pass 1: what nothing refers to is condemned, what little refers to is retired, what is referred to again is
//! reprieved. All of it in one log entry; nothing is removed.

use super::survey::Survey;
use super::{CleanupOptions, FrameCount, MarkReport, Marks, Registry};
use crate::locks::try_lock;
use crate::log::Entry;
use crate::{Error, Vault};
use format::frame::PackKind;
use format::segment::{Change, ChangeKind, FrameState, PackRow, Segment};
use model::{LeaseId, PackId, failpoint};
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
        let changes = decide(&survey, &marks, options, &mut report);
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

/// So many bytes may be retired at once in a vault of any size: a handful of frames.
const RETIRE_ALWAYS: u64 = 8 << 20;

fn decide(survey: &Survey, marks: &Marks, options: &CleanupOptions, report: &mut MarkReport) -> Vec<Change> {
    let live = survey.live();
    let mut packs: Vec<&PackRow> = survey.log.packs.values().map(AsRef::as_ref).collect();
    packs.sort_unstable_by_key(|pack| pack.id);
    let mut thin = Vec::new();
    for pack in &packs {
        for (at, frame) in pack.frames.iter().enumerate() {
            if marks.count(pack, at) > 0 {
                report.marked.add(frame.length);
            }
            let newest = marks.count_newest(pack, at);
            let share = f64::from(newest) / f64::from(frame.chunks);
            if may_retire(pack, frame, newest, &live) && share < options.retire_below {
                thin.push(Thin { share, frame: (pack.id, frame.number), length: frame.length });
            }
        }
    }
    let most = (report.marked.frame_bytes as f64 * options.retire_share) as u64;
    let retired = thinnest(thin, most.max(RETIRE_ALWAYS));
    let mut changes = Vec::new();
    for pack in packs {
        let fates: Vec<Fate> = pack
            .frames
            .iter()
            .enumerate()
            .map(|(at, frame)| {
                let retires = retired.contains(&(pack.id, frame.number));
                fate(pack, frame, marks.count(pack, at), &live, retires)
            })
            .collect();
        for (frame, fate) in pack.frames.iter().zip(&fates) {
            if let Some(count) = counter(report, *fate) {
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

/// Whether a frame can be retired at all. One that no newest snapshot needs dies by itself, when those that do go. What
/// a living lease uploaded may be referred to by the commit to come.
fn may_retire(pack: &PackRow, frame: &FrameState, newest: u32, live: &HashSet<LeaseId>) -> bool {
    let is_free = (frame.retired, frame.condemned) == (0, 0) && !live.contains(&pack.lease);
    pack.kind == PackKind::Data && newest > 0 && is_free
}

/// A frame of which the newest snapshots need little.
struct Thin {
    /// The part of its chunks that they need, 0 to 1.
    share: f64,
    frame: (PackId, u32),
    /// Of its ciphertext, in bytes.
    length: u32,
}

/// Of these frames those of which least is needed, until they have `most` bytes together; at least one.
fn thinnest(mut thin: Vec<Thin>, most: u64) -> HashSet<(PackId, u32)> {
    thin.sort_unstable_by(|a, b| a.share.total_cmp(&b.share).then(a.frame.cmp(&b.frame)));
    let mut chosen = HashSet::new();
    let mut bytes = 0;
    for Thin { frame, length, .. } in thin {
        bytes += u64::from(length);
        if bytes > most && !chosen.is_empty() {
            break;
        }
        chosen.insert(frame);
    }
    chosen
}

fn fate(pack: &PackRow, frame: &FrameState, marked: u32, live: &HashSet<LeaseId>, retires: bool) -> Fate {
    if marked > 0 && frame.condemned != 0 {
        return Fate::Reprieved;
    }
    if frame.condemned != 0 {
        return Fate::Stays;
    }
    match marked {
        // What a living lease uploaded may be referred to by the commit to come.
        0 if live.contains(&pack.lease) => Fate::Protected,
        0 => Fate::Condemned,
        _ if retires => Fate::Retired,
        _ => Fate::Stays,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thinnest_frames_go_first_and_never_more_than_may() {
        let pack = PackId::from_bytes([1; 16]);
        let thin = |number, share| Thin { share, frame: (pack, number), length: 10 };
        let all = || vec![thin(1, 0.5), thin(2, 0.1), thin(3, 0.3), thin(4, 0.1)];
        let chosen = |most| {
            let mut numbers: Vec<u32> = thinnest(all(), most).into_iter().map(|(_, number)| number).collect();
            numbers.sort_unstable();
            numbers
        };
        assert_eq!(chosen(20), [2, 4]);
        assert_eq!(chosen(39), [2, 3, 4]);
        assert_eq!(chosen(40), [1, 2, 3, 4]);
        assert_eq!(chosen(1), [2], "one that is larger than all that may go goes all the same");
        assert!(thinnest(Vec::new(), 100).is_empty());
    }
}
