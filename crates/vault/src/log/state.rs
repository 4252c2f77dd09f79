//! What is kept of the log in memory: a row per pack with the states of its frames, no ids.

use crate::{Error, FrameId, LogProblem};
use format::segment::{FrameState, PackRow, Segment};
use model::{LeaseId, PackId, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentInfo {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) size_bytes: u64,
    /// Ids of chunks and hunks in it.
    pub(crate) ids: u64,
    /// Those of chunks.
    pub(crate) data_ids: u64,
    /// The lease under which all packs came that it adds, where that is one.
    pub(crate) lease: Option<LeaseId>,
}

impl SegmentInfo {
    /// Of a segment with so many data ids, whether it has them in memory or not.
    pub(crate) fn new(segment: &Segment, data_ids: u64, size_bytes: u64) -> Self {
        let ids = data_ids + segment.hunk_ids.ids.len() as u64;
        let mut leases = segment.packs.iter().map(|pack| pack.lease);
        let lease = leases.next().filter(|first| leases.all(|lease| lease == *first));
        Self { from: segment.from, to: segment.to, size_bytes, ids, data_ids, lease }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct LogState {
    pub(crate) incarnation: [u8; 16],
    /// The last number.
    pub(crate) sequence: u64,
    pub(crate) packs: HashMap<PackId, Arc<PackRow>>,
    /// Without a gap from number 1 to the last.
    pub(crate) segments: Vec<SegmentInfo>,
    /// When entries that condemned frames were written.
    pub(crate) times: BTreeMap<u64, Timestamp>,
    pub(crate) problem: Option<LogProblem>,
}

impl LogState {
    pub(crate) fn empty() -> Self {
        Self {
            incarnation: [0; 16],
            sequence: 0,
            packs: HashMap::new(),
            segments: Vec::new(),
            times: BTreeMap::new(),
            problem: None,
        }
    }

    pub(crate) fn usable(&self) -> Result<(), Error> {
        match &self.problem {
            None => Ok(()),
            Some(problem) => Err(Error::LogBroken(problem.clone())),
        }
    }

    pub(crate) fn frame(&self, id: FrameId) -> Option<&FrameState> {
        self.packs.get(&id.pack)?.frame(id.frame)
    }

    /// Adds the segment that follows the last number. Its data ids are counted and not looked at.
    pub(crate) fn apply(&mut self, segment: Segment, data_ids: u64, size_bytes: u64) {
        self.segments.push(SegmentInfo::new(&segment, data_ids, size_bytes));
        self.incarnation = segment.incarnation;
        self.sequence = segment.to;
        self.times.extend(segment.times);
        for pack in segment.packs {
            self.packs.insert(pack.id, Arc::new(pack));
        }
        for change in segment.changes {
            let Some(row) = self.packs.get_mut(&change.pack) else { continue };
            if !Arc::make_mut(row).apply(&change) {
                self.packs.remove(&change.pack);
            }
        }
    }

    /// Ids of data chunks that a copy of the index holds.
    pub(crate) fn data_ids(&self) -> u64 {
        self.segments.iter().map(|info| info.data_ids).sum()
    }

    /// Chunks in frames that may be matched.
    pub(crate) fn live_chunks(&self) -> u64 {
        let frames = self.packs.values().flat_map(|pack| &pack.frames);
        frames.filter(|frame| frame.retired == 0).map(|frame| u64::from(frame.chunks)).sum()
    }
}
