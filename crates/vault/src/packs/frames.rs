//! Reading frames for those who may: a reader asks for (pack, frame), neighbours are read together, and what is
//! damaged costs only itself.

use super::PackFile;
use crate::reach::Reach;
use crate::{Error, FrameId, Vault};
use blobs::ErrorKind;
use format::frame::SealedFrame;
use format::pack::FrameRow;
use model::{ChunkId, PackId, SnapshotId};
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames that are looked at together.
const GROUP_FRAMES: usize = 64;
/// What one read of the store fetches at most, unless a single frame is larger. A reader keeps so much while its
/// agent is slow, and has it twice while it reads.
const SPAN_BYTES: u64 = 2 << 20;
/// Bytes between two frames that are read in vain rather than by two reads.
const GAP_BYTES: u64 = 64 << 10;

/// What a reader may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The frames that hold a snapshot's hunks or that these refer to. A hidden snapshot counts like any other.
    Snapshot(SnapshotId),
    /// Every frame of the log, for the holder of a lease.
    Lease,
}

/// Why a frame is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameFailure {
    /// It is not there, or not in the scope.
    #[error("not there")]
    NotFound,
    /// It, or the table of its pack, is damaged.
    #[error("damaged")]
    Damaged,
    /// The object store failed; another try may succeed.
    #[error("the object store failed: {0:?}")]
    Store(ErrorKind),
}

/// The answer for one frame that was asked for.
#[derive(Debug)]
pub struct FrameAnswer {
    /// Which.
    pub id: FrameId,
    /// The frame, its ciphertext checked against its hash.
    pub frame: Result<SealedFrame, FrameFailure>,
}

enum Allowed {
    Reach(Arc<Reach>),
    Log,
}

/// One answer per frame that was asked for, in the same order. Reads as it is asked.
pub struct Frames {
    vault: Arc<Vault>,
    allowed: Allowed,
    wanted: VecDeque<FrameId>,
    ready: VecDeque<FrameAnswer>,
}

impl Vault {
    /// Gives the frames that are wanted, as far as the scope reaches.
    pub fn frames(self: &Arc<Self>, scope: Scope, wanted: Vec<FrameId>) -> Result<Frames, Error> {
        let allowed = match scope {
            Scope::Snapshot(snapshot) => Allowed::Reach(self.reach_of(snapshot)?),
            Scope::Lease => {
                self.position()?;
                Allowed::Log
            }
        };
        Ok(Frames { vault: Arc::clone(self), allowed, wanted: wanted.into(), ready: VecDeque::new() })
    }
}

impl Iterator for Frames {
    type Item = FrameAnswer;

    fn next(&mut self) -> Option<FrameAnswer> {
        if self.ready.is_empty() {
            self.fill();
        }
        self.ready.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.wanted.len() + self.ready.len();
        (left, Some(left))
    }
}

impl Frames {
    /// Answers for the next frame with the ids of its chunks alone. They stand in the pack's table: no frame is read.
    pub fn next_ids(&mut self) -> Option<(FrameId, Result<Vec<ChunkId>, FrameFailure>)> {
        let id = self.wanted.pop_front()?;
        let ids = || {
            let file = self.vault.open_pack(id.pack).map_err(|error| refusal(&error))?;
            file.table.frame(id.frame).map(|row| row.ids.clone()).ok_or(FrameFailure::NotFound)
        };
        Some((id, if self.allows(id) { ids() } else { Err(FrameFailure::NotFound) }))
    }

    /// Reads the next frames that lie in one pack.
    fn fill(&mut self) {
        let Some(pack) = self.wanted.front().map(|id| id.pack) else { return };
        let mut group = Vec::new();
        while group.len() < GROUP_FRAMES && self.wanted.front().is_some_and(|id| id.pack == pack) {
            group.extend(self.wanted.pop_front());
        }
        let (answers, rest) = self.read_group(pack, &group);
        self.ready.extend(answers);
        for id in rest.iter().rev() {
            self.wanted.push_front(*id);
        }
    }

    /// Answers for the first frames of the group, as many as one read may fetch, and the others.
    fn read_group<'a>(&self, pack: PackId, group: &'a [FrameId]) -> (Vec<FrameAnswer>, &'a [FrameId]) {
        let mut is_second_try = false;
        loop {
            let file = match self.vault.open_pack(pack) {
                Ok(file) => file,
                Err(error) => return (self.refuse(group, &error), &[]),
            };
            let rows: Vec<Option<&FrameRow>> =
                group.iter().map(|id| file.table.frame(id.frame).filter(|_| self.allows(*id))).collect();
            let count = fitting(&rows);
            let bytes = read_spans(&file, &rows[..count]);
            let vanished = |(row, bytes): (&Option<&FrameRow>, &Result<Vec<u8>, FrameFailure>)| {
                row.is_some() && matches!(bytes, Err(FrameFailure::NotFound))
            };
            if !is_second_try && rows.iter().zip(&bytes).any(vanished) {
                // A store without lasting handles: the generation was replaced, so look once for the newest.
                self.vault.packs.forget(pack);
                is_second_try = true;
                continue;
            }
            let answers = group.iter().zip(&rows).zip(bytes).map(|((id, row), bytes)| {
                let frame = match seal(&file, *row, bytes) {
                    Err(FrameFailure::Damaged) => self.read_elsewhere(&file, *id),
                    other => other,
                };
                FrameAnswer { id: *id, frame }
            });
            return (answers.collect(), &group[count..]);
        }
    }

    /// The frame from another generation that is still there: while a pack is rewritten there are two.
    fn read_elsewhere(&self, damaged: &PackFile, id: FrameId) -> Result<SealedFrame, FrameFailure> {
        let packs = &self.vault.packs;
        let generations = packs.generations(id.pack).map_err(|error| failure(&error))?;
        let others = generations.into_iter().rev().filter(|number| *number != damaged.generation);
        let found = others.filter_map(|number| {
            let file = packs.open_generation(id.pack, number).ok()?;
            let row = file.table.frame(id.frame)?;
            seal(&file, Some(row), file.read_frame(row).map_err(|error| failure(&error))).ok()
        });
        found.into_iter().next().ok_or(FrameFailure::Damaged)
    }

    /// Answers for frames of a pack that cannot be opened.
    fn refuse(&self, group: &[FrameId], error: &Error) -> Vec<FrameAnswer> {
        let reason = refusal(error);
        let answer = |id: &FrameId| FrameAnswer {
            id: *id,
            frame: Err(if self.allows(*id) { reason } else { FrameFailure::NotFound }),
        };
        group.iter().map(answer).collect()
    }

    fn allows(&self, id: FrameId) -> bool {
        match &self.allowed {
            Allowed::Reach(reach) => reach.contains(id),
            Allowed::Log => self.vault.log.with_any(|state| state.frame(id).is_some()),
        }
    }
}

/// How many of the frames may be fetched together: at least one.
fn fitting(rows: &[Option<&FrameRow>]) -> usize {
    let mut bytes = 0;
    let beyond = rows.iter().position(|row| {
        bytes += row.map_or(0, |row| u64::from(row.length));
        bytes > SPAN_BYTES
    });
    beyond.unwrap_or(rows.len()).max(1)
}

/// The ciphertexts of these rows: neighbours in the object come by one read.
fn read_spans(file: &PackFile, rows: &[Option<&FrameRow>]) -> Vec<Result<Vec<u8>, FrameFailure>> {
    let mut order: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].is_some()).collect();
    order.sort_by_key(|at| rows[*at].map(|row| row.offset));
    let mut found: Vec<Result<Vec<u8>, FrameFailure>> =
        rows.iter().map(|_| Err(FrameFailure::NotFound)).collect();
    let place = |at: usize| rows[at].map_or((0, 0), |row| (u64::from(row.offset), u64::from(row.length)));
    let mut at = 0;
    while at < order.len() {
        let start = place(order[at]).0;
        let mut end = start;
        let mut behind = at;
        while behind < order.len() {
            let (offset, length) = place(order[behind]);
            let reaches = end.max(offset + length);
            if behind > at && (offset > end + GAP_BYTES || reaches - start > SPAN_BYTES) {
                break;
            }
            end = reaches;
            behind += 1;
        }
        let mut span = vec![0; (end - start) as usize];
        let read = file.read_at(start, &mut span);
        for which in &order[at..behind] {
            let (offset, length) = place(*which);
            let inside = (offset - start) as usize..(offset - start + length) as usize;
            found[*which] = match &read {
                Ok(()) => Ok(span[inside].to_vec()),
                // One bad spot must not take its neighbours with it.
                Err(_) => {
                    let mut alone = vec![0; length as usize];
                    file.read_at(offset, &mut alone).map(|()| alone).map_err(|error| failure(&error))
                }
            };
        }
        at = behind;
    }
    found
}

fn seal(
    file: &PackFile,
    row: Option<&FrameRow>,
    bytes: Result<Vec<u8>, FrameFailure>,
) -> Result<SealedFrame, FrameFailure> {
    let row = row.ok_or(FrameFailure::NotFound)?;
    let ciphertext = bytes?;
    if blake3::hash(&ciphertext).as_bytes() != &row.hash {
        return Err(FrameFailure::Damaged);
    }
    Ok(SealedFrame {
        context: file.table.header.context,
        number: row.number,
        ids: row.ids.clone(),
        references: row.references.clone(),
        ciphertext,
    })
}

/// Why no frame of a pack is given that cannot be opened.
fn refusal(error: &Error) -> FrameFailure {
    tracing::warn!(%error, "a pack cannot be opened");
    match failure(error) {
        // A frame that the scope reaches and whose pack is gone is damage, not a wrong question.
        FrameFailure::NotFound => FrameFailure::Damaged,
        other => other,
    }
}

fn failure(error: &Error) -> FrameFailure {
    match error {
        Error::Damaged { .. } => FrameFailure::Damaged,
        Error::Store(store) => match store.kind() {
            ErrorKind::NotFound => FrameFailure::NotFound,
            _ if store.is_of_blob() => FrameFailure::Damaged,
            kind => FrameFailure::Store(kind),
        },
        _ => FrameFailure::Store(ErrorKind::Other),
    }
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("left", &self.size_hint().0).finish_non_exhaustive()
    }
}
