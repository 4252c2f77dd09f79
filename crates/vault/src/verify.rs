//! Verification without keys: is everything there that snapshots need, and is it what it was. It writes nothing.

mod packs;
mod ranges;

use crate::log::LogState;
use crate::snapshots::SnapshotInfo;
use crate::{Error, FrameId, LogProblem, Vault};
use model::{Damaged, PackId, SnapshotId};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;

/// Damages that a report lists at most; the count goes on.
const LISTED_MAX: usize = 10_000;

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyProgress {
    /// Packs that were looked at.
    pub packs: u64,
    /// Packs altogether.
    pub packs_total: u64,
    /// Bytes of frames that were read.
    pub read_bytes: u64,
    /// Snapshots that were looked at; they come after the packs.
    pub snapshots: u64,
    /// Snapshots altogether, once known.
    pub snapshots_total: u64,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DamageKind {
    /// The pack has no object.
    PackMissing,
    /// The pack's header, table or trailer is wrong.
    PackDamaged,
    /// The pack's table lacks a frame of the log.
    FrameMissing,
    /// The frame's ciphertext has another hash, or cannot be read.
    FrameDamaged,
    /// A snapshot refers to a frame that the log does not list.
    NotInLog,
    /// A snapshot refers to chunks or hunks that the frame does not have.
    OutOfRange,
}

impl DamageKind {
    /// True when a pack or frame is wrong, and not what a snapshot says of it.
    const fn is_in_pack(self) -> bool {
        match self {
            Self::PackMissing | Self::PackDamaged | Self::FrameMissing | Self::FrameDamaged => true,
            Self::NotInLog | Self::OutOfRange => false,
        }
    }
}

/// One damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The pack.
    pub pack: PackId,
    /// The frame; `None` for the whole pack.
    pub frame: Option<u32>,
    /// What is wrong.
    pub kind: DamageKind,
    /// The snapshots that need it, hidden ones included, ascending.
    pub snapshots: Vec<SnapshotId>,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// False when the progress callback stopped it.
    pub is_finished: bool,
    /// Packs that were looked at.
    pub packs: u64,
    /// Frames that were looked at.
    pub frames: u64,
    /// Bytes of frames whose hash was computed.
    pub read_bytes: u64,
    /// Snapshots that were looked at, hidden ones included.
    pub snapshots: u64,
    /// Why the log cannot be used; nothing else was looked at then.
    pub log_problem: Option<LogProblem>,
    /// Snapshots whose record cannot be read.
    pub unreadable_snapshots: Vec<SnapshotId>,
    /// What is wrong, by pack and frame; the first ten thousand.
    pub damages: Vec<Damage>,
    /// How many there are.
    pub damage_count: u64,
    /// Every pack and frame of the log that is damaged or missing, ascending: what nothing new may refer to.
    pub damaged: Vec<Damaged>,
    /// Snapshots that need something damaged, or are unreadable, ascending.
    pub affected_snapshots: Vec<SnapshotId>,
}

impl VerifyReport {
    /// True when everything was looked at and nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.is_finished
            && self.log_problem.is_none()
            && self.unreadable_snapshots.is_empty()
            && self.damage_count == 0
    }
}

/// A damage and who needs it, while it is being gathered.
type Damages = HashMap<(PackId, Option<u32>, DamageKind), BTreeSet<SnapshotId>>;

pub(super) struct Run<'a> {
    vault: &'a Vault,
    log: LogState,
    damages: Damages,
    progress: VerifyProgress,
    report: VerifyReport,
    tell: &'a mut dyn FnMut(&VerifyProgress) -> ControlFlow<()>,
}

impl Vault {
    /// Checks that every pack of the log is complete and every range of every snapshot is there; with `read_data`
    /// also that each frame still has its hash. `progress` may stop it by answering `Break`.
    pub fn verify(
        &self,
        read_data: bool,
        progress: &mut dyn FnMut(&VerifyProgress) -> ControlFlow<()>,
    ) -> Result<VerifyReport, Error> {
        let log = self.log.with_any(LogState::clone);
        let report = VerifyReport { log_problem: log.problem(), ..VerifyReport::default() };
        if report.log_problem.is_some() {
            return Ok(report);
        }
        let (damages, counts) = Default::default();
        let mut run = Run { vault: self, log, damages, progress: counts, report, tell: progress };
        run.report.is_finished = run.packs(read_data)?.is_continue() && run.snapshots()?.is_continue();
        Ok(run.finish())
    }
}

impl Run<'_> {
    fn damage(&mut self, id: FrameId, is_whole_pack: bool, kind: DamageKind) {
        let frame = (!is_whole_pack).then_some(id.frame);
        self.damages.entry((id.pack, frame, kind)).or_default();
    }

    fn finish(mut self) -> VerifyReport {
        let mut affected: BTreeSet<SnapshotId> = self.report.unreadable_snapshots.iter().copied().collect();
        let in_packs = self.damages.keys().filter(|(_, _, kind)| kind.is_in_pack());
        let damaged: BTreeSet<Damaged> =
            in_packs.map(|(pack, frame, _)| Damaged { pack: *pack, frame: *frame }).collect();
        self.report.damaged = damaged.into_iter().collect();
        let mut damages: Vec<Damage> = self
            .damages
            .into_iter()
            .map(|((pack, frame, kind), snapshots)| {
                affected.extend(&snapshots);
                Damage { pack, frame, kind, snapshots: snapshots.into_iter().collect() }
            })
            .collect();
        damages.sort_unstable_by_key(|damage| (damage.pack, damage.frame, damage.kind));
        self.report.damage_count = damages.len() as u64;
        damages.truncate(LISTED_MAX);
        self.report.damages = damages;
        self.report.affected_snapshots = affected.into_iter().collect();
        self.report
    }

    /// The snapshots to look at, and their ids.
    fn listed(&mut self) -> Result<Vec<SnapshotInfo>, Error> {
        let list = self.vault.snapshots()?;
        let ids: HashSet<SnapshotId> = list.unreadable.iter().copied().collect();
        self.report.unreadable_snapshots = list.unreadable;
        self.progress.snapshots_total = (list.snapshots.len() + ids.len()) as u64;
        Ok(list.snapshots)
    }
}
