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
    with_data_ids: bool,
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
    fn segment_at(
        &self,
        incarnation: [u8; 16],
        next: u64,
        with_data_ids: bool,
    ) -> Result<(u64, Vec<u8>), Error> {
        for _ in 0..ATTEMPTS {
            let found = {
                let state = read(&self.state);
                let at = state.segments.binary_search_by_key(&next, |segment| segment.from);
                at.ok().filter(|_| state.incarnation == incarnation).map(|at| state.segments[at])
            };
            let Some(segment) = found else { return Err(Error::IndexGap) };
            let bytes = if with_data_ids {
                let key = self.objects.names.segment(segment.from, segment.to)?;
                self.objects.read(&key, limits::SEGMENT_MAX)?
            } else {
                self.scan(segment.from, segment.to)?.map(|scanned| scanned.segment.encode())
            };
            if let Some(bytes) = bytes {
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
        let (incarnation, last) = (here.incarnation, here.sequence);
        Ok(Segments { vault: Arc::clone(self), incarnation, next, last, with_data_ids: true })
    }
}

impl Segments {
    /// The same with an empty table of data ids in each, for a reader that asks for their places instead.
    #[must_use]
    pub fn without_data_ids(self) -> Self {
        Self { with_data_ids: false, ..self }
    }
}

impl Iterator for Segments {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        match self.vault.log.segment_at(self.incarnation, self.next, self.with_data_ids) {
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
