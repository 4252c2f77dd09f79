//! The check of a commit: every range that a snapshot refers to exists, and its frame may be referred to by a lease
//! of this epoch (`docs/format/cleanup.md`).

use crate::damage::is_damage;
use crate::log::LogState;
use crate::reach::{Reach, by_pack, references};
use crate::snapshots::SnapshotInfo;
use crate::{Error, FrameId, Hold, SnapshotFault, Vault};
use format::frame::PackKind;
use format::limits;
use format::ranges::{Range, RangeList};
use format::segment::{FrameState, PackRow};
use format::snapshot::{ClearPart, SnapshotRecord};
use model::{Damaged, LeaseId, PackId, SnapshotId};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Missing frames that a refusal names at most; the agent sends those and learns of the rest by its next try.
pub const MISSING_MAX: usize = 65_536;

/// A lease as far as a vault must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseGrant {
    /// Its id.
    pub id: LeaseId,
    /// The last number of the log when it was granted.
    pub epoch: u64,
}

/// A record that may be committed as long as the hold lasts under which it was checked.
#[derive(Debug)]
pub struct CheckedSnapshot<'a> {
    pub(super) hold: &'a Hold,
    pub(super) record: &'a [u8],
    pub(super) hash: [u8; 32],
    pub(super) parsed: SnapshotRecord,
    /// Set when this very record is stored already.
    pub(super) first: Option<SnapshotInfo>,
}

impl CheckedSnapshot<'_> {
    /// What the server may read of it.
    pub fn clear(&self) -> &ClearPart {
        &self.parsed.clear
    }

    /// BLAKE3 of the record.
    pub fn record_hash(&self) -> [u8; 32] {
        self.hash
    }

    /// True when this very record is stored already: the commit is a repeated one.
    pub fn is_repeated(&self) -> bool {
        self.first.is_some()
    }
}

impl Vault {
    /// Checks a record that an agent wants to commit as `snapshot`.
    ///
    /// The hold must have been taken before the caller saw the lease alive. A record that is stored already needs
    /// no check and no lease. What is `damaged` counts as missing. Fails with `SnapshotInvalid`, `SnapshotConflict` or `RangesMissing`.
    pub fn check_commit<'a>(
        &self,
        hold: &'a Hold,
        lease: &LeaseGrant,
        snapshot: SnapshotId,
        record: &'a [u8],
        damaged: &HashSet<Damaged>,
    ) -> Result<CheckedSnapshot<'a>, Error> {
        self.own(hold)?;
        let parsed = SnapshotRecord::decode(record).map_err(invalid)?;
        let clear = &parsed.clear;
        if clear.vault != self.id() {
            return Err(invalid(SnapshotFault::OtherVault));
        }
        if clear.snapshot != snapshot {
            return Err(invalid(SnapshotFault::OtherId));
        }
        let hash = *blake3::hash(record).as_bytes();
        let first = self.stored_before(snapshot, &hash)?;
        if first.is_none() {
            let count = clear.hunks.chunks();
            if count > limits::SNAPSHOT_HUNKS_MAX as u64 {
                return Err(invalid(SnapshotFault::TooManyHunks { count }));
            }
            Check::new(self, lease.epoch, clear, damaged).run(&clear.hunks)?;
        }
        Ok(CheckedSnapshot { hold, record, hash, parsed, first })
    }

    /// The stored snapshot with this id, if its record is this one; another one is a conflict.
    pub(super) fn stored_before(
        &self,
        snapshot: SnapshotId,
        hash: &[u8; 32],
    ) -> Result<Option<SnapshotInfo>, Error> {
        let key = self.objects.names.snapshot(snapshot)?;
        if !self.objects.exists(&key)? {
            return Ok(None);
        }
        let Some((stored, parsed)) = self.snapshots.read(snapshot, &key)? else { return Ok(None) };
        let info = super::info(&stored, &parsed);
        if info.record_hash == *hash { Ok(Some(info)) } else { Err(Error::SnapshotConflict { snapshot }) }
    }
}

fn invalid(source: impl Into<SnapshotFault>) -> Error {
    Error::SnapshotInvalid { source: source.into() }
}

/// What is to be thought of one range.
enum Verdict {
    Good,
    Missing,
    /// No upload could make it exist.
    Impossible,
}

struct Check<'a> {
    vault: &'a Vault,
    epoch: u64,
    clear: &'a ClearPart,
    /// What is known to be damaged: the agent can send it anew.
    damaged: &'a HashSet<Damaged>,
    /// What the base reaches; computed when the first retired frame asks for it.
    base: Option<Arc<Reach>>,
    missing: BTreeSet<FrameId>,
}

impl<'a> Check<'a> {
    fn new(vault: &'a Vault, epoch: u64, clear: &'a ClearPart, damaged: &'a HashSet<Damaged>) -> Self {
        Self { vault, epoch, clear, damaged, base: None, missing: BTreeSet::new() }
    }

    fn run(mut self, hunks: &RangeList) -> Result<(), Error> {
        if let Some(bad) = self.ranges(hunks.as_slice(), PackKind::Hunk)? {
            return Err(invalid(SnapshotFault::HunkRange(bad)));
        }
        for (pack, places) in by_pack(hunks) {
            if self.is_full() {
                break;
            }
            self.hunks_of(pack, &places)?;
        }
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Error::RangesMissing { missing: self.missing.into_iter().collect() })
    }

    fn is_full(&self) -> bool {
        self.missing.len() >= MISSING_MAX
    }

    fn hunks_of(&mut self, pack: PackId, places: &[(u32, u32)]) -> Result<(), Error> {
        let is_missing = |check: &Self, frame| check.missing.contains(&FrameId { pack, frame });
        if places.iter().all(|(frame, _)| is_missing(self, *frame)) {
            return Ok(());
        }
        let file = match self.vault.open_pack(pack) {
            Ok(file) => file,
            // What cannot be read is as good as missing: the agent can send it anew.
            Err(error) if is_damage(&error) => {
                self.missing.extend(places.iter().map(|(frame, _)| FrameId { pack, frame: *frame }));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for (frame, ordinal) in places {
            if self.is_full() {
                break;
            }
            if is_missing(self, *frame) {
                continue;
            }
            match references(&file, *frame, *ordinal) {
                Some(list) => {
                    if let Some(bad) = self.ranges(list.as_slice(), PackKind::Data)? {
                        return Err(invalid(SnapshotFault::ContentRange(bad)));
                    }
                }
                None => {
                    self.missing.insert(FrameId { pack, frame: *frame });
                }
            }
        }
        Ok(())
    }

    /// Notes what is missing of these ranges; gives a frame of which a range can never exist.
    fn ranges(&mut self, ranges: &[Range], kind: PackKind) -> Result<Option<FrameId>, Error> {
        let mut at = 0;
        while at < ranges.len() && !self.is_full() {
            let bad = self.vault.log.with(|state| {
                while at < ranges.len() && !self.is_full() {
                    let range = &ranges[at];
                    let id = FrameId { pack: range.pack, frame: range.frame };
                    match self.judge(state, range, kind) {
                        Some(Verdict::Good) => {}
                        Some(Verdict::Missing) => {
                            self.missing.insert(id);
                        }
                        Some(Verdict::Impossible) => return Some(id),
                        // The base must be read first, and not while the log is locked.
                        None => break,
                    }
                    at += 1;
                }
                None
            })?;
            if bad.is_some() {
                return Ok(bad);
            }
            if at < ranges.len() && !self.is_full() {
                self.base = Some(self.base_reach()?);
            }
        }
        Ok(None)
    }

    /// `None` when what the base reaches decides and is not known yet.
    fn judge(&self, state: &LogState, range: &Range, kind: PackKind) -> Option<Verdict> {
        let Some(pack) = state.packs.get(&range.pack) else { return Some(Verdict::Missing) };
        if pack.kind != kind {
            return Some(Verdict::Impossible);
        }
        let Some(frame) = pack.frame(range.frame) else { return Some(Verdict::Missing) };
        if u64::from(range.first) + u64::from(range.count) > u64::from(frame.chunks) {
            return Some(Verdict::Impossible);
        }
        if Damaged::is_in(self.damaged, range.pack, range.frame) {
            return Some(Verdict::Missing);
        }
        Some(if self.may_refer(pack, frame)? { Verdict::Good } else { Verdict::Missing })
    }

    /// The two rules of cleanup.md.
    fn may_refer(&self, pack: &PackRow, frame: &FrameState) -> Option<bool> {
        let epoch = self.epoch;
        if frame.condemned != 0 && frame.condemned <= epoch {
            return Some(false);
        }
        if frame.retired == 0 || frame.retired > epoch {
            return Some(true);
        }
        let id = FrameId { pack: pack.id, frame: frame.number };
        self.base.as_ref().map(|base| base.contains(id))
    }

    /// What the base reaches: nothing when there is none that counts.
    fn base_reach(&self) -> Result<Arc<Reach>, Error> {
        let nothing = || Ok(Arc::new(Reach::default()));
        let Some(base) = self.clear.base else { return nothing() };
        let read = match self.vault.read_snapshot(base) {
            Ok((_, record)) => record,
            Err(Error::SnapshotUnknown { .. } | Error::Damaged { .. }) => return nothing(),
            Err(error) => return Err(error),
        };
        let is_hidden = self.vault.objects.exists(&self.vault.objects.names.deletion(base)?)?;
        if read.clear.set != self.clear.set || is_hidden {
            return nothing();
        }
        match self.vault.reach_of(base) {
            Err(Error::SnapshotUnknown { .. }) => nothing(),
            other => other,
        }
    }
}
