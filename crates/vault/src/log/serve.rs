//! The log for agents: encoded segments from a number on.

use super::{Log, Position};
use crate::locks::read;
use crate::{Error, Vault};
use format::limits;
use std::sync::Arc;

/// Attempts to find a segment that is being merged.
const ATTEMPTS: usize = 3;

/// Encoded segments in the order of their numbers, joining without a gap; reads one at a time.
pub struct Segments {
    vault: Arc<Vault>,
    incarnation: [u8; 16],
    next: u64,
    last: u64,
}

impl Log {
    /// Where to begin for a reader that knows the log up to `after`.
    fn begin(&self, after: Option<Position>) -> Result<(Position, u64), Error> {
        let here = self.position()?;
        let Some(known) = after else { return Ok((here, 1)) };
        let next = known.sequence.saturating_add(1);
        let state = read(&self.state);
        let joins = next == here.sequence + 1
            || state.segments.binary_search_by_key(&next, |segment| segment.from).is_ok();
        if known.incarnation == here.incarnation && joins { Ok((here, next)) } else { Err(Error::IndexGap) }
    }

    /// The segment that begins at `next`: its last number and its bytes.
    fn segment_at(&self, incarnation: [u8; 16], next: u64) -> Result<(u64, Vec<u8>), Error> {
        for _ in 0..ATTEMPTS {
            let found = {
                let state = read(&self.state);
                let at = state.segments.binary_search_by_key(&next, |segment| segment.from);
                at.ok().filter(|_| state.incarnation == incarnation).map(|at| state.segments[at])
            };
            let Some(segment) = found else { return Err(Error::IndexGap) };
            let key = self.objects.names.segment(segment.from, segment.to)?;
            if let Some(bytes) = self.objects.read(&key, limits::SEGMENT_MAX)? {
                return Ok((segment.to, bytes));
            }
        }
        Err(Error::IndexGap)
    }
}

impl Vault {
    /// The segments that follow `after`, all when it is `None`.
    ///
    /// Fails with [`Error::IndexGap`], at once or between two segments, when the log cannot go on from there:
    /// the reader starts anew.
    pub fn segments_after(self: &Arc<Self>, after: Option<Position>) -> Result<Segments, Error> {
        let (here, next) = self.log.begin(after)?;
        Ok(Segments { vault: Arc::clone(self), incarnation: here.incarnation, next, last: here.sequence })
    }
}

impl Iterator for Segments {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        match self.vault.log.segment_at(self.incarnation, self.next) {
            Ok((to, bytes)) => {
                self.next = to + 1;
                Some(Ok(bytes))
            }
            Err(error) => {
                self.next = u64::MAX;
                Some(Err(error))
            }
        }
    }
}

impl std::fmt::Debug for Segments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segments").field("next", &self.next).field("last", &self.last).finish_non_exhaustive()
    }
}
