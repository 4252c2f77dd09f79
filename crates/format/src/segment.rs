//! Segments of a vault's log and index (`docs/format/index.md`).

use crate::codec::{Put, Reader};
use crate::frame::PackKind;
use crate::object::{ObjectKind, open_envelope, seal_envelope};
use crate::pack::PackTable;
use crate::ranges::Address;
use crate::{Error, limits};
use model::{ChunkId, LeaseId, PackId, Timestamp};
use std::ops::Range;

mod merge;
mod scanner;
pub use merge::merge;
pub use scanner::{SegmentScanner, SparseIds};

pub(crate) const WHAT: &str = "index segment";
const ASCENDING: &str = "ids ascend, and positions of equal ids";

/// A closed interval of a vault's log, with the ids of the chunks that it added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Which index it belongs to.
    pub incarnation: [u8; 16],
    /// First number of the interval, from 1.
    pub from: u64,
    /// Last number of the interval.
    pub to: u64,
    /// Packs that were added in it, as they are at its end.
    pub packs: Vec<PackRow>,
    /// Changes in it that concern packs of earlier segments, in order.
    pub changes: Vec<Change>,
    /// When frames were condemned: the number of the entry and the time by the server's clock, ascending.
    pub times: Vec<(u64, Timestamp)>,
    /// Ids of data chunks.
    pub data_ids: IdTable,
    /// Ids of hunks.
    pub hunk_ids: IdTable,
}

/// A pack in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackRow {
    /// Its id.
    pub id: PackId,
    /// What it is made for.
    pub kind: PackKind,
    /// Its key generation.
    pub key_generation: u32,
    /// Its generation: how often it was rewritten.
    pub generation: u32,
    /// The lease under which it was uploaded; zero when unknown.
    pub lease: LeaseId,
    /// Size of the object in bytes.
    pub stored_bytes: u64,
    /// The log entry that added it.
    pub added: u64,
    /// Its frames, ascending by number.
    pub frames: Vec<FrameState>,
}

/// A frame in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameState {
    /// Its number in the pack.
    pub number: u32,
    /// Length of its ciphertext in bytes.
    pub length: u32,
    /// Number of its chunks.
    pub chunks: u32,
    /// The log entry that retired it; 0 = not retired.
    pub retired: u64,
    /// The log entry that condemned it; 0 = not condemned.
    pub condemned: u64,
}

/// What happened to frames of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Kept for the snapshots that refer to them, never matched again.
    Retired,
    /// Retired, and nothing referred to them.
    Condemned,
    /// No longer condemned, since something refers to them; still retired.
    Reprieved,
    /// Gone. `generation` is the pack's new one; `None` when the whole pack is gone.
    Removed {
        /// The pack's new generation.
        generation: Option<u32>,
    },
}

/// One change of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The log entry that it belongs to.
    pub sequence: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The pack.
    pub pack: PackId,
    /// Numbers of the frames, ascending.
    pub frames: Vec<u32>,
}

/// Sorted ids and where each chunk stands in the segment's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdTable {
    /// Ascending; an id that lies at several places stands there as often.
    pub ids: Vec<ChunkId>,
    /// For each id the chunk's place, counted over the segment's packs of the kind; ascending for equal ids.
    pub positions: Vec<u32>,
}

impl IdTable {
    /// A place of a chunk, when it is here.
    pub fn find(&self, id: &ChunkId) -> Option<u32> {
        self.places(id).first().copied()
    }

    /// All places of a chunk: the frame at one may be retired while that at another is live.
    pub fn places(&self, id: &ChunkId) -> &[u32] {
        let start = self.first_not_below(id);
        let count = self.ids[start..].iter().take_while(|other| *other == id).count();
        &self.positions[start..start + count]
    }

    /// Where the first id stands that is not below `id`. Ids are hashes, so where one stands follows nearly from its
    /// value: the search begins there and widens, which looks at few places that lie close together. Whatever the ids
    /// are, it takes no more than twice the steps of a binary search.
    fn first_not_below(&self, id: &ChunkId) -> usize {
        let (ids, count) = (&self.ids[..], self.ids.len());
        let mut first = [0; 8];
        first.copy_from_slice(&id.as_bytes()[..8]);
        let guess = ((u128::from(u64::from_be_bytes(first)) * count as u128) >> 64) as usize;
        // All before `low` are below, and none from `high` on is.
        let (mut low, mut high, mut step) = (0, count, 16);
        if ids.get(guess).is_some_and(|other| other < id) {
            low = guess + 1;
            while let Some(at) = low.checked_add(step).filter(|at| *at < high) {
                if ids[at] >= *id {
                    high = at;
                    break;
                }
                (low, step) = (at + 1, step * 2);
            }
        } else {
            high = guess.min(count);
            while let Some(at) = high.checked_sub(step) {
                if ids[at] < *id {
                    low = at + 1;
                    break;
                }
                (high, step) = (at, step * 2);
            }
        }
        low + ids[low..high].partition_point(|other| other < id)
    }

    /// A stretch of a table: its ids and their positions as they stand in the object, of equal number.
    pub fn of_bytes(ids: &[u8], positions: &[u8]) -> Self {
        let ids = ids.as_chunks::<16>().0.iter().map(|id| ChunkId::from_bytes(*id)).collect();
        let positions = positions.as_chunks::<4>().0.iter().map(|place| u32::from_le_bytes(*place)).collect();
        Self { ids, positions }
    }

    fn from_unsorted(mut pairs: Vec<(ChunkId, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let (ids, positions) = pairs.into_iter().unzip();
        Self { ids, positions }
    }
}

impl PackRow {
    /// The row of a pack that log entry `sequence` adds.
    pub fn new(table: &PackTable, lease: LeaseId, stored_bytes: u64, sequence: u64) -> Self {
        let state = |row: &crate::pack::FrameRow| FrameState {
            number: row.number,
            length: row.length,
            chunks: row.ids.len() as u32,
            retired: 0,
            condemned: 0,
        };
        Self {
            id: table.header.context.pack,
            kind: table.header.context.kind,
            key_generation: table.header.context.key_generation,
            generation: table.header.generation,
            lease,
            stored_bytes,
            added: sequence,
            frames: table.frames.iter().map(state).collect(),
        }
    }

    /// The frame with this number.
    pub fn frame(&self, number: u32) -> Option<&FrameState> {
        self.frames.binary_search_by_key(&number, |frame| frame.number).ok().map(|at| &self.frames[at])
    }

    /// Applies a change of this pack. Gives false when the pack is gone by it.
    /// A change that is older than the row concerns a pack of the same id that is gone, and does nothing.
    pub fn apply(&mut self, change: &Change) -> bool {
        if change.sequence <= self.added {
            return true;
        }
        if let ChangeKind::Removed { generation } = change.kind {
            self.frames.retain(|frame| change.frames.binary_search(&frame.number).is_err());
            if let Some(generation) = generation {
                self.generation = generation;
            }
            return generation.is_some();
        }
        for number in &change.frames {
            let Ok(at) = self.frames.binary_search_by_key(number, |frame| frame.number) else { continue };
            let frame = &mut self.frames[at];
            match change.kind {
                ChangeKind::Reprieved => frame.condemned = 0,
                ChangeKind::Condemned => {
                    frame.condemned = change.sequence;
                    frame.retired = if frame.retired == 0 { change.sequence } else { frame.retired };
                }
                _ => frame.retired = if frame.retired == 0 { change.sequence } else { frame.retired },
            }
        }
        true
    }
}

impl Segment {
    /// A segment of one number that adds packs (from their tables).
    pub fn of_packs(incarnation: [u8; 16], sequence: u64, packs: Vec<(PackRow, &PackTable)>) -> Self {
        let mut ids: [Vec<(ChunkId, u32)>; 2] = Default::default();
        for (_, table) in &packs {
            let list = &mut ids[usize::from(table.header.context.kind == PackKind::Hunk)];
            for id in table.frames.iter().flat_map(|row| &row.ids) {
                list.push((*id, list.len() as u32));
            }
        }
        let [data_ids, hunk_ids] = ids.map(IdTable::from_unsorted);
        let packs = packs.into_iter().map(|(row, _)| row).collect();
        let (changes, times) = Default::default();
        Self { incarnation, from: sequence, to: sequence, packs, changes, times, data_ids, hunk_ids }
    }

    /// A segment of one number that holds changes.
    pub fn of_changes(incarnation: [u8; 16], sequence: u64, changes: Vec<Change>) -> Self {
        let (packs, times, data_ids, hunk_ids) = Default::default();
        Self { incarnation, from: sequence, to: sequence, packs, changes, times, data_ids, hunk_ids }
    }

    /// The same segment of one number, with the time of its entry: needed when it condemns frames.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.times = vec![(self.from, time)];
        self
    }

    /// The numbers of all packs, changes and times.
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let packs = self.packs.iter().map(|pack| pack.added);
        let changes = self.changes.iter().map(|change| change.sequence);
        packs.chain(changes).chain(self.times.iter().map(|(number, _)| *number))
    }

    /// Turns places of this segment's id table of `kind` into addresses.
    pub fn addresses(&self, kind: PackKind) -> Positions {
        let (mut packs, mut frames) = (Vec::new(), Vec::new());
        let mut next = 0u64;
        for pack in self.packs.iter().filter(|pack| pack.kind == kind) {
            packs.push((frames.len() as u32, pack.id));
            for frame in &pack.frames {
                frames.push((next as u32, frame.number));
                next += u64::from(frame.chunks);
            }
        }
        Positions { packs, frames, end: next as u32 }
    }

    /// Chunks of its packs of this kind.
    fn chunks(&self, kind: PackKind) -> u64 {
        let frames = self.packs.iter().filter(|pack| pack.kind == kind).flat_map(|pack| &pack.frames);
        frames.map(|frame| u64::from(frame.chunks)).sum()
    }

    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let ids = self.data_ids.ids.len() + self.hunk_ids.ids.len();
        let mut body = Vec::with_capacity(64 + 20 * ids + 64 * self.packs.len());
        body.extend_from_slice(&self.incarnation);
        body.extend_from_slice(&self.from.to_le_bytes());
        body.extend_from_slice(&self.to.to_le_bytes());
        body.put_varint(self.packs.len() as u64);
        self.packs.iter().for_each(|pack| encode_pack(pack, &mut body));
        body.put_varint(self.changes.len() as u64);
        self.changes.iter().for_each(|change| encode_change(change, &mut body));
        body.put_varint(self.times.len() as u64);
        for (number, time) in &self.times {
            body.put_varint(*number);
            body.put_varint(time.as_micros() as u64);
        }
        for table in [&self.data_ids, &self.hunk_ids] {
            body.extend_from_slice(&(table.ids.len() as u32).to_le_bytes());
            table.ids.iter().for_each(|id| body.extend_from_slice(id.as_bytes()));
            table.positions.iter().for_each(|position| body.extend_from_slice(&position.to_le_bytes()));
        }
        seal_envelope(ObjectKind::Segment, &body)
    }

    /// Reads what [`Segment::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > limits::SEGMENT_MAX {
            let (value, limit) = (bytes.len() as u64, limits::SEGMENT_MAX as u64);
            return Err(Error::TooLarge { what: WHAT, value, limit });
        }
        let mut reader = Reader::new(open_envelope(bytes, ObjectKind::Segment)?, WHAT);
        let mut segment = Self::decode_head(&mut reader)?;
        segment.data_ids = decode_ids(&mut reader)?;
        segment.hunk_ids = decode_ids(&mut reader)?;
        reader.finish()?;
        check_places(&segment.data_ids.positions, segment.chunks(PackKind::Data))?;
        check_places(&segment.hunk_ids.positions, segment.chunks(PackKind::Hunk))?;
        Ok(segment)
    }

    /// What stands before the ids. `Truncated` when the bytes end within it.
    fn decode_head(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let (incarnation, from, to) = (reader.array()?, reader.u64()?, reader.u64()?);
        if from == 0 || to < from {
            return Err(Error::malformed(WHAT, "its numbers ascend from 1"));
        }
        let packs = (0..reader.count()?).map(|_| decode_pack(reader)).collect::<Result<Vec<_>, _>>()?;
        let changes = (0..reader.count()?).map(|_| decode_change(reader)).collect::<Result<Vec<_>, _>>()?;
        let times = decode_times(reader)?;
        let (data_ids, hunk_ids) = Default::default();
        let segment = Self { incarnation, from, to, packs, changes, times, data_ids, hunk_ids };
        if !segment.numbers().all(|number| (from..=to).contains(&number)) {
            return Err(Error::malformed(WHAT, "packs, changes and times have numbers of its interval"));
        }
        Ok(segment)
    }
}

/// Fails unless these places are those of some of so many chunks.
fn check_places(positions: &[u32], chunks: u64) -> Result<(), Error> {
    if chunks > u64::from(u32::MAX) || positions.iter().any(|place| u64::from(*place) >= chunks) {
        return Err(Error::malformed(WHAT, "places lie in its packs"));
    }
    Ok(())
}

/// From a place to an address, by the running count of chunks: 8 bytes a frame and 20 a pack.
#[derive(Debug, Clone)]
pub struct Positions {
    /// Which frame in `frames` is the first of each pack.
    packs: Vec<(u32, PackId)>,
    /// The place of each frame's first chunk, and the frame's number.
    frames: Vec<(u32, u32)>,
    end: u32,
}

impl Positions {
    /// The address of the chunk at this place.
    pub fn get(&self, place: u32) -> Option<Address> {
        if place >= self.end {
            return None;
        }
        let at = self.frames.partition_point(|(start, _)| *start <= place).checked_sub(1)?;
        let of = self.packs.partition_point(|(first, _)| *first as usize <= at).checked_sub(1)?;
        let (start, frame) = self.frames[at];
        Some(Address { pack: self.packs[of].1, frame, ordinal: place - start })
    }

    /// The places of a frame's chunks; none when it has no such frame.
    pub fn of_frame(&self, pack: &PackId, number: u32) -> Range<u32> {
        let frames = |at: usize| {
            let first = self.packs[at].0 as usize;
            first..self.packs.get(at + 1).map_or(self.frames.len(), |next| next.0 as usize)
        };
        // The row of a pack that came again is the later one.
        let at = self.packs.iter().rposition(|(_, id)| id == pack);
        let at = at.and_then(|at| frames(at).find(|frame| self.frames[*frame].1 == number));
        let end = |at: usize| self.frames.get(at + 1).map_or(self.end, |next| next.0);
        at.map_or(0..0, |at| self.frames[at].0..end(at))
    }

    /// What it takes in memory.
    pub fn memory_bytes(&self) -> usize {
        std::mem::size_of_val(&self.packs[..]) + std::mem::size_of_val(&self.frames[..])
    }
}

fn encode_pack(pack: &PackRow, out: &mut Vec<u8>) {
    out.extend_from_slice(pack.id.as_bytes());
    out.push(pack.kind.object() as u8);
    out.put_varint(u64::from(pack.key_generation));
    out.put_varint(u64::from(pack.generation));
    out.extend_from_slice(pack.lease.as_bytes());
    out.put_varint(pack.stored_bytes);
    out.put_varint(pack.added);
    out.put_varint(pack.frames.len() as u64);
    for frame in &pack.frames {
        for number in [u64::from(frame.number), u64::from(frame.length), u64::from(frame.chunks)] {
            out.put_varint(number);
        }
        out.put_varint(frame.retired);
        out.put_varint(frame.condemned);
    }
}

fn decode_pack(reader: &mut Reader<'_>) -> Result<PackRow, Error> {
    let id = PackId::from_bytes(reader.array()?);
    let kind = PackKind::from_number(reader.u8()?, WHAT)?;
    let key_generation = reader.varint_u32()?;
    let generation = reader.bounded(limits::PACK_GENERATION_MAX as usize)? as u32;
    let lease = LeaseId::from_bytes(reader.array()?);
    let (stored_bytes, added) = (reader.varint()?, reader.varint()?);
    let count = reader.bounded(limits::PACK_FRAMES_MAX)?;
    if count > reader.remaining() / 5 {
        return Err(Error::Truncated { what: WHAT });
    }
    let mut frames: Vec<FrameState> = Vec::with_capacity(count);
    for _ in 0..count {
        let number = reader.bounded(limits::PACK_FRAMES_MAX - 1)? as u32;
        if frames.last().is_some_and(|last| number <= last.number) {
            return Err(Error::malformed(WHAT, "frame numbers ascend"));
        }
        frames.push(FrameState {
            number,
            length: reader.bounded(limits::FRAME_SEALED_MAX)? as u32,
            chunks: reader.bounded(limits::FRAME_CHUNKS_MAX)? as u32,
            retired: reader.varint()?,
            condemned: reader.varint()?,
        });
    }
    Ok(PackRow { id, kind, key_generation, generation, lease, stored_bytes, added, frames })
}

fn encode_change(change: &Change, out: &mut Vec<u8>) {
    out.put_varint(change.sequence);
    out.push(match change.kind {
        ChangeKind::Retired => 1,
        ChangeKind::Condemned => 2,
        ChangeKind::Reprieved => 3,
        ChangeKind::Removed { .. } => 4,
    });
    out.extend_from_slice(change.pack.as_bytes());
    if let ChangeKind::Removed { generation } = change.kind {
        out.put_varint(generation.map_or(0, |generation| u64::from(generation) + 1));
    }
    out.put_varint(change.frames.len() as u64);
    change.frames.iter().for_each(|frame| out.put_varint(u64::from(*frame)));
}

fn decode_change(reader: &mut Reader<'_>) -> Result<Change, Error> {
    let sequence = reader.varint()?;
    let number = reader.u8()?;
    let pack = PackId::from_bytes(reader.array()?);
    let kind = match number {
        1 => ChangeKind::Retired,
        2 => ChangeKind::Condemned,
        3 => ChangeKind::Reprieved,
        4 => {
            let generation = reader.bounded(u32::MAX as usize)? as u32;
            ChangeKind::Removed { generation: generation.checked_sub(1) }
        }
        _ => return Err(Error::TooNew { what: WHAT }),
    };
    let count = reader.bounded(limits::PACK_FRAMES_MAX)?;
    if count > reader.remaining() {
        return Err(Error::Truncated { what: WHAT });
    }
    let frames = (0..count)
        .map(|_| Ok(reader.bounded(limits::PACK_FRAMES_MAX - 1)? as u32))
        .collect::<Result<Vec<u32>, Error>>()?;
    if frames.windows(2).any(|two| two[0] >= two[1]) {
        return Err(Error::malformed(WHAT, "frame numbers ascend"));
    }
    Ok(Change { sequence, kind, pack, frames })
}

fn decode_times(reader: &mut Reader<'_>) -> Result<Vec<(u64, Timestamp)>, Error> {
    let times = (0..reader.count()?)
        .map(|_| Ok((reader.varint()?, Timestamp::from_micros(reader.varint()? as i64))))
        .collect::<Result<Vec<_>, Error>>()?;
    if times.windows(2).any(|two| two[0].0 >= two[1].0) {
        return Err(Error::malformed(WHAT, "numbers of times ascend"));
    }
    Ok(times)
}

fn decode_ids(reader: &mut Reader<'_>) -> Result<IdTable, Error> {
    let count = reader.u32()? as usize;
    if count > reader.remaining() / 20 {
        return Err(Error::Truncated { what: WHAT });
    }
    let table = IdTable::of_bytes(reader.take(count * 16)?, reader.take(count * 4)?);
    let IdTable { ids, positions } = &table;
    let ascends = |at: usize| (ids[at - 1], positions[at - 1]) < (ids[at], positions[at]);
    if !(1..count).all(ascends) {
        return Err(Error::malformed(WHAT, ASCENDING));
    }
    Ok(table)
}

#[cfg(test)]
mod tests;
