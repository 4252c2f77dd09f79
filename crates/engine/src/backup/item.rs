//! What travels from the walk over the workers to the writer of hunks.

use super::base::BaseEntry;
use format::entry::Entry;
use format::ranges::{Address, RangeList};
use model::ChunkId;
use platform::{Dir, Stat};
use std::sync::Arc;

/// Items in the order of the snapshot.
pub(super) struct Batch {
    /// Its place in that order, from 0.
    pub(super) number: u64,
    pub(super) items: Vec<Item>,
}

/// One entry on its way.
pub(super) enum Item {
    /// Exactly as in the base.
    Same(BaseEntry),
    /// Complete.
    Entry(Box<Entry>, Vec<ChunkId>),
    /// Complete but for its content: some of its chunks wait for the server to say where they are.
    Waiting(Box<Entry>, Stored),
    /// A further name of a file that came before; to be read itself when the first name gave no content.
    Link(Box<ReadJob>),
    /// To be read by a worker.
    Read(Box<ReadJob>),
    /// Nothing, since it vanished.
    Nothing,
}

/// Where a chunk lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    /// Here.
    Known(Address),
    /// The server is asked; the worker's answer has this number.
    Waits(u64),
}

/// Consecutive chunks.
pub(super) type Stored = Vec<(ChunkId, Location)>;

impl Item {
    /// The entry of a file with this content.
    pub(super) fn of(mut entry: Box<Entry>, stored: Stored) -> Self {
        let mut ids = Vec::with_capacity(stored.len());
        entry.content = RangeList::new();
        for (id, location) in &stored {
            let Location::Known(address) = location else { return Self::Waiting(entry, stored) };
            ids.push(*id);
            entry.content.push(*address);
        }
        Self::Entry(entry, ids)
    }
}

/// A file to be read.
pub(super) struct ReadJob {
    /// Its attributes as the walk saw them; content is still empty.
    pub(super) entry: Entry,
    /// The same, to see whether it changed.
    pub(super) stat: Stat,
    /// The folder that holds it.
    pub(super) dir: Arc<Dir>,
    /// The same path in the base, when there is one with content to fall back on.
    pub(super) previous: Option<BaseEntry>,
    /// Chunk class of its earlier version.
    pub(super) class: Option<u8>,
    /// A finding that the previous version stands for it is noted here.
    pub(super) findings: Arc<super::findings::Findings>,
}
