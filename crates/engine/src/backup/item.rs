//! What travels from the walk over the workers to the writer of hunks.

use super::base::BaseEntry;
use super::unseen_file::UnseenFile;
use format::entry::Entry;
use format::ranges::{Address, RangeList};
use model::ChunkId;
use platform::{Dir, Stat};
use smallvec::SmallVec;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

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
    Entry(Box<Entry>, Ids),
    /// Complete but for its content: some of its chunks wait for the server to say where they are.
    Waiting(Box<Entry>, Stored),
    /// A further name of a file that came before; to be read itself when the first name gave no content.
    Link(Box<ReadJob>),
    /// To be read by a worker.
    Read(Box<ReadJob>),
    /// The same of a file of which only the name is known.
    Unseen(UnseenFile),
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

/// Ids of consecutive chunks. Most files have one.
pub(super) type Ids = SmallVec<[ChunkId; 1]>;

/// Consecutive chunks.
pub(super) type Stored = SmallVec<[(ChunkId, Location); 1]>;

impl Item {
    /// The entry of a file with this content.
    pub(super) fn of(mut entry: Box<Entry>, stored: Stored) -> Self {
        let mut ids = Ids::with_capacity(stored.len());
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
}

/// Files with several names, by file system and inode, of which one name was met.
#[derive(Default)]
pub(super) struct Linked(Mutex<HashSet<(u64, u64)>>);

impl Linked {
    /// Notes a name of this file; false when one was met before.
    pub(super) fn is_first(&self, entry: &Entry) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((entry.dev, entry.ino))
    }
}
