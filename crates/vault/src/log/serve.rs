//! The log for agents: encoded segments from a number on.

use super::{Log, Position};
use crate::locks::read;
use crate::{Error, Vault};
use blobs::{BlobReader, ErrorKind};
use format::limits;
use std::sync::Arc;

/// Attempts to find a segment that is being merged.
const ATTEMPTS: usize = 3;

/// An encoded segment, read in pieces: nothing of it is kept while its reader is slow. It stays readable when it is
/// merged meanwhile.
pub struct SegmentBytes {
    from: Source,
    length: u64,
    at: u64,
}

enum Source {
    Stored(Box<dyn BlobReader>),
    /// Without its data ids it lies nowhere.
    Made(Vec<u8>),
}

impl SegmentBytes {
    fn stored(object: Box<dyn BlobReader>) -> Self {
        Self { length: object.size_bytes(), from: Source::Stored(object), at: 0 }
    }

    fn made(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, from: Source::Made(bytes), at: 0 }
    }

    /// How many bytes it has altogether.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// How many are still to be read.
    pub const fn left(&self) -> u64 {
        self.length - self.at
    }

    /// The next bytes, at most so many; none at the end.
    pub fn read(&mut self, most: usize) -> Result<Vec<u8>, Error> {
        let count = most.min(usize::try_from(self.left()).unwrap_or(most));
        let bytes = match &self.from {
            Source::Stored(object) => {
                let mut bytes = vec![0; count];
                object.read_at(self.at, &mut bytes)?;
                bytes
            }
            Source::Made(bytes) => {
                let at = self.at as usize;
                bytes[at..at + count].to_vec()
            }
        };
        self.at += count as u64;
        Ok(bytes)
    }
}

/// Encoded segments in the order of their numbers, joining without a gap; opens one at a time.
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

    /// The segment that begins at `next`: its last number and its bytes. These are given as they are stored; whoever
    /// decodes them checks them.
    fn segment_at(
        &self,
        incarnation: [u8; 16],
        next: u64,
        with_data_ids: bool,
    ) -> Result<(u64, SegmentBytes), Error> {
        for _ in 0..ATTEMPTS {
            let found = {
                let state = read(&self.state);
                let at = state.segments.binary_search_by_key(&next, |segment| segment.from);
                at.ok().filter(|_| state.incarnation == incarnation).map(|at| state.segments[at])
            };
            let Some(segment) = found else { return Err(Error::IndexGap) };
            let bytes = if with_data_ids {
                self.open_segment(segment.from, segment.to)?.map(SegmentBytes::stored)
            } else {
                let scanned = self.scan(segment.from, segment.to)?;
                scanned.map(|scanned| SegmentBytes::made(scanned.segment.encode()))
            };
            if let Some(bytes) = bytes {
                return Ok((segment.to, bytes));
            }
        }
        Err(Error::IndexGap)
    }

    fn open_segment(&self, from: u64, to: u64) -> Result<Option<Box<dyn BlobReader>>, Error> {
        let key = self.objects.names.segment(from, to)?;
        let object = match self.objects.store.open(&key) {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (value, limit) = (object.size_bytes(), limits::SEGMENT_MAX as u64);
        if value > limit {
            let source = format::Error::TooLarge { what: "index segment", value, limit };
            return Err(Error::Damaged { key, source });
        }
        Ok(Some(object))
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
    type Item = Result<SegmentBytes, Error>;

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

impl std::fmt::Debug for SegmentBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentBytes")
            .field("at", &self.at)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Segments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segments").field("next", &self.next).field("last", &self.last).finish_non_exhaustive()
    }
}
