//! The vault's log: packs and the states of their frames in memory, segments in the store. It must not know what
//! snapshots refer to.

mod append;
mod load;
mod lookup;
mod merge;
mod rebuild;
mod scan;
mod serve;
mod state;

pub(crate) use append::Entry;
pub use merge::MergeReport;
pub use rebuild::RebuildReport;
pub use serve::{SegmentBytes, Segments};
pub(crate) use state::LogState;

use crate::Error;
use crate::locks::{lock, read, write};
use crate::lru::Lru;
use crate::objects::Objects;
use format::segment::Segment;
use std::sync::{Mutex, RwLock};

/// What look-ups keep of segments, in bytes.
const SEGMENT_CACHE_BYTES: usize = 64 << 20;

/// A place in a vault's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The index's incarnation.
    pub incarnation: [u8; 16],
    /// The last number.
    pub sequence: u64,
}

pub(crate) struct Log {
    objects: Objects,
    state: RwLock<LogState>,
    /// Held while a number is written. True inside: the last write failed and may have had its effect.
    writer: Mutex<bool>,
    /// Held while segments are merged or the index is rebuilt.
    merging: Mutex<()>,
    cache: Mutex<Lru<(u64, u64), lookup::DataIds>>,
    /// Bytes that the cache may hold.
    cache_bytes: usize,
    /// Held while a segment is read for it.
    reading: Mutex<()>,
}

impl Log {
    /// Writes the first segment of a new vault, unless an earlier attempt did.
    pub(crate) fn create(objects: &Objects) -> Result<(), Error> {
        let incarnation = model::ids::random_bytes();
        let first = Segment::of_changes(incarnation, 1, Vec::new());
        objects.put_new(&objects.names.segment(1, 1)?, &first.encode())?;
        Ok(())
    }

    pub(crate) fn open(objects: Objects) -> Result<Self, Error> {
        Self::open_with(objects, SEGMENT_CACHE_BYTES)
    }

    fn open_with(objects: Objects, cache_bytes: usize) -> Result<Self, Error> {
        let state = RwLock::new(load::load(&objects)?);
        let cache = Mutex::new(Lru::new(cache_bytes, 4096));
        let (writer, merging, reading) = Default::default();
        Ok(Self { objects, state, writer, merging, cache, cache_bytes, reading })
    }

    /// Runs `look` on the state of a log that is whole.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&LogState) -> T) -> Result<T, Error> {
        let state = read(&self.state);
        state.usable()?;
        Ok(look(&state))
    }

    /// Runs `look` on whatever could be read of the log.
    pub(crate) fn with_any<T>(&self, look: impl FnOnce(&LogState) -> T) -> T {
        look(&read(&self.state))
    }

    pub(crate) fn position(&self) -> Result<Position, Error> {
        self.with(|state| Position { incarnation: state.incarnation, sequence: state.sequence })
    }

    /// Reads the log anew when the store has numbers that are not known: another process wrote them, or a write of
    /// this one was answered by an error all the same.
    pub(crate) fn refresh(&self) -> Result<(), Error> {
        let mut in_doubt = lock(&self.writer);
        let last = load::list(&self.objects)?.iter().map(|segment| segment.to).max();
        let known = self.with_any(|state| state.sequence);
        if *in_doubt || last != Some(known) {
            self.reload()?;
            *in_doubt = false;
        }
        Ok(())
    }

    /// Reads the whole log anew: other processes may have written, or an earlier write ended in doubt.
    fn reload(&self) -> Result<(), Error> {
        let fresh = load::load(&self.objects)?;
        *write(&self.state) = fresh;
        Ok(())
    }
}
