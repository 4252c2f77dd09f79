//! Reads a segment in pieces and leaves its data ids out: what is kept is small, however large the segment is. In their
//! place stands one id of each block of the table, so that a reader finds the block that may hold an id.

use super::{ASCENDING, Segment, WHAT, decode_ids};
use crate::codec::Reader;
use crate::frame::PackKind;
use crate::object::{HEADER_LEN, ObjectKind, read_header};
use crate::{Error, limits};
use model::ChunkId;
use std::ops::Range;

/// Ids of a block.
const BLOCK_IDS: u32 = 256;
const FRONT_LEN: usize = HEADER_LEN + 4;
const ID_LEN: usize = 16;
const PLACE_LEN: usize = 4;
const HASH_LEN: usize = 32;

/// Fed with a segment's bytes in pieces of any size.
#[derive(Debug)]
pub struct SegmentScanner {
    state: State,
    /// What was fed and not yet used.
    buffer: Vec<u8>,
    /// Bytes that were used.
    position: u64,
    /// Bytes of the body that were not used yet.
    body_left: usize,
    hasher: blake3::Hasher,
    segment: Option<Segment>,
    data_ids: SparseIds,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Header and length.
    Front,
    /// What stands before the ids; it was not whole in this many bytes.
    Head {
        tried: usize,
    },
    /// Ids of data chunks, this many more.
    Ids {
        left: u32,
        last: Option<ChunkId>,
    },
    /// Their positions, this many more, each below the number of chunks.
    Positions {
        left: u32,
        chunks: u64,
    },
    /// Ids of hunks.
    Hunks,
    /// The hash over everything.
    Hash,
    End,
}

/// Where the data ids of a segment lie in its object, in blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SparseIds {
    /// The first id of each block.
    firsts: Vec<ChunkId>,
    count: u32,
    /// The offset of the first id in the object.
    offset: u64,
}

impl Default for SegmentScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl SegmentScanner {
    /// Begins at the first byte of a segment.
    pub fn new() -> Self {
        Self {
            state: State::Front,
            buffer: Vec::new(),
            position: 0,
            body_left: 0,
            hasher: blake3::Hasher::new(),
            segment: None,
            data_ids: SparseIds::default(),
        }
    }

    /// Takes the next bytes; an error means that this is no segment, whatever follows.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let value = self.position + (self.buffer.len() + bytes.len()) as u64;
        if value > limits::SEGMENT_MAX as u64 {
            return Err(Error::TooLarge { what: WHAT, value, limit: limits::SEGMENT_MAX as u64 });
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(bytes);
        let mut used = 0;
        while let Some(taken) = self.step(&buffer[used..])? {
            if !matches!(self.state, State::End) {
                self.hasher.update(&buffer[used..used + taken]);
            }
            self.position += taken as u64;
            used += taken;
        }
        buffer.drain(..used);
        self.buffer = buffer;
        Ok(())
    }

    /// The segment without its data ids, and where these lie.
    pub fn finish(self) -> Result<(Segment, SparseIds), Error> {
        match (self.state, self.segment) {
            (State::End, Some(segment)) => Ok((segment, self.data_ids)),
            _ => Err(Error::Truncated { what: WHAT }),
        }
    }

    /// Uses bytes from the front of `rest` and gives how many; `None` when it takes more to go on.
    fn step(&mut self, rest: &[u8]) -> Result<Option<usize>, Error> {
        let of_body = &rest[..rest.len().min(self.body_left)];
        let taken = match self.state {
            State::Front => return self.front(rest),
            State::Head { tried } => self.head(of_body, tried)?,
            State::Ids { left, last } => self.ids(of_body, left, last)?,
            State::Positions { left, chunks } => self.positions(of_body, left, chunks)?,
            State::Hunks => self.hunks(of_body)?,
            State::Hash => return self.hash(rest),
            State::End if rest.is_empty() => None,
            State::End => return Err(Error::malformed(WHAT, "nothing follows its end")),
        };
        self.body_left -= taken.unwrap_or(0);
        Ok(taken)
    }

    fn front(&mut self, rest: &[u8]) -> Result<Option<usize>, Error> {
        let Some(front) = rest.first_chunk::<FRONT_LEN>() else { return Ok(None) };
        let mut reader = Reader::new(front, WHAT);
        read_header(&mut reader, &[ObjectKind::Segment])?;
        self.body_left = reader.u32()? as usize;
        self.state = State::Head { tried: 0 };
        Ok(Some(FRONT_LEN))
    }

    fn head(&mut self, rest: &[u8], tried: usize) -> Result<Option<usize>, Error> {
        let is_all = rest.len() == self.body_left;
        // Trying anew at twice the length costs no more than a second reading in all.
        if rest.len() < 2 * tried && !is_all {
            return Ok(None);
        }
        let mut reader = Reader::new(rest, WHAT);
        let decoded = Segment::decode_head(&mut reader).and_then(|head| Ok((head, reader.u32()?)));
        let (head, count) = match decoded {
            Err(Error::Truncated { .. }) if !is_all => {
                self.state = State::Head { tried: rest.len() };
                return Ok(None);
            }
            other => other?,
        };
        let taken = rest.len() - reader.remaining();
        if count as usize > (self.body_left - taken) / (ID_LEN + PLACE_LEN) {
            return Err(Error::Truncated { what: WHAT });
        }
        self.segment = Some(head);
        self.data_ids = SparseIds { firsts: Vec::new(), count, offset: self.position + taken as u64 };
        self.state = State::Ids { left: count, last: None };
        Ok(Some(taken))
    }

    fn ids(&mut self, rest: &[u8], left: u32, mut last: Option<ChunkId>) -> Result<Option<usize>, Error> {
        if left == 0 {
            let chunks = self.segment.as_ref().map_or(0, |segment| segment.chunks(PackKind::Data));
            super::check_places(&[], chunks)?;
            self.state = State::Positions { left: self.data_ids.count, chunks };
            return Ok(Some(0));
        }
        let ids = rest.as_chunks::<ID_LEN>().0;
        let ids = &ids[..ids.len().min(left as usize)];
        for (at, id) in (self.data_ids.count - left..).zip(ids) {
            let id = ChunkId::from_bytes(*id);
            if last.is_some_and(|last| last > id) {
                return Err(Error::malformed(WHAT, ASCENDING));
            }
            if at % BLOCK_IDS == 0 {
                self.data_ids.firsts.push(id);
            }
            last = Some(id);
        }
        self.state = State::Ids { left: left - ids.len() as u32, last };
        Ok((!ids.is_empty()).then_some(ids.len() * ID_LEN))
    }

    fn positions(&mut self, rest: &[u8], left: u32, chunks: u64) -> Result<Option<usize>, Error> {
        if left == 0 {
            self.state = State::Hunks;
            return Ok(Some(0));
        }
        let places = rest.as_chunks::<PLACE_LEN>().0;
        let places = &places[..places.len().min(left as usize)];
        let is_outside = |place: &[u8; PLACE_LEN]| u64::from(u32::from_le_bytes(*place)) >= chunks;
        if places.iter().any(is_outside) {
            return Err(Error::malformed(WHAT, "places lie in its packs"));
        }
        self.state = State::Positions { left: left - places.len() as u32, chunks };
        Ok((!places.is_empty()).then_some(places.len() * PLACE_LEN))
    }

    fn hunks(&mut self, rest: &[u8]) -> Result<Option<usize>, Error> {
        if rest.len() < self.body_left {
            return Ok(None);
        }
        let mut reader = Reader::new(rest, WHAT);
        let ids = decode_ids(&mut reader)?;
        reader.finish()?;
        if let Some(segment) = &mut self.segment {
            super::check_places(&ids.positions, segment.chunks(PackKind::Hunk))?;
            segment.hunk_ids = ids;
        }
        self.state = State::Hash;
        Ok(Some(rest.len()))
    }

    fn hash(&mut self, rest: &[u8]) -> Result<Option<usize>, Error> {
        let Some(hash) = rest.first_chunk::<HASH_LEN>() else { return Ok(None) };
        if self.hasher.finalize().as_bytes() != hash {
            return Err(Error::Mismatch { what: WHAT, check: "hash" });
        }
        self.state = State::End;
        Ok(Some(HASH_LEN))
    }
}

impl SparseIds {
    /// How many ids there are.
    pub fn count(&self) -> u64 {
        self.count.into()
    }

    /// The blocks that may hold this id: one as a rule, none when the table begins after it.
    pub fn blocks_of(&self, id: &ChunkId) -> Range<u32> {
        let first = self.firsts.partition_point(|first| first < id).saturating_sub(1);
        let end = self.firsts.partition_point(|first| first <= id);
        first as u32..end as u32
    }

    /// Where the ids of a block lie in the object, and where their positions do; for [`super::IdTable::of_bytes`].
    pub fn block(&self, number: u32) -> [Range<u64>; 2] {
        let from = number.saturating_mul(BLOCK_IDS).min(self.count);
        let to = from.saturating_add(BLOCK_IDS).min(self.count);
        let places = self.offset + ID_LEN as u64 * u64::from(self.count);
        let part = |start: u64, length: usize| {
            start + length as u64 * u64::from(from)..start + length as u64 * u64::from(to)
        };
        [part(self.offset, ID_LEN), part(places, PLACE_LEN)]
    }

    /// What it takes in memory.
    pub fn memory_bytes(&self) -> usize {
        std::mem::size_of_val(&self.firsts[..])
    }
}
