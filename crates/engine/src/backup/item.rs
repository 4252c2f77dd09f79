//! What travels from the walk over the workers to the writer of hunks.

use super::base::BaseEntry;
use format::entry::Entry;
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
    /// A further name of a file that came before; to be read itself when the first name gave no content.
    Link(Box<ReadJob>),
    /// To be read by a worker.
    Read(Box<ReadJob>),
    /// Nothing, since it vanished.
    Nothing,
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
