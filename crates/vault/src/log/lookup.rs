//! Addresses of chunks by their ids: binary searches in segments. Ids of small segments are kept decoded while memory
//! lasts; those of large ones stay in the store, and of a block of them one is kept.

use super::Log;
use super::scan::Scanned;
use super::state::SegmentInfo;
use crate::Error;
use crate::locks::{lock, read};
use blobs::BlobReader;
use format::frame::PackKind;
use format::limits;
use format::ranges::Address;
use format::segment::{IdTable, Positions, Segment, SparseIds};
use model::{ChunkId, Damaged, LeaseId};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Attempts to read a segment that is being merged.
const ATTEMPTS: usize = 3;

/// Memory of a decoded segment by the size of its object: ids and states of frames take about as much in both.
const MEMORY_FACTOR: usize = 2;

/// A segment that takes no more than this part of the memory is decoded, however many others there are.
const SMALL_PART: usize = 512;

/// What look-ups need of a segment.
pub(super) struct DataIds {
    ids: Ids,
    positions: Positions,
}

enum Ids {
    Decoded(IdTable),
    Stored { blocks: SparseIds, object: Box<dyn BlobReader> },
}

impl Log {
    /// For each id the address of a data chunk in a frame that is neither retired nor `damaged`.
    pub(crate) fn look_up(
        &self,
        ids: &[ChunkId],
        damaged: &HashSet<Damaged>,
    ) -> Result<Vec<Option<Address>>, Error> {
        self.look_up_in(|_| true, ids, damaged)
    }

    /// How many of these chunks lie in live frames of packs that came under another lease than this one.
    pub(crate) fn count_of_others(&self, lease: LeaseId, ids: &[ChunkId]) -> Result<u64, Error> {
        let found = self.look_up_in(|info| info.lease != Some(lease), ids, &HashSet::new())?;
        Ok(found.iter().flatten().count() as u64)
    }

    /// [`Self::look_up`] in some of the segments.
    fn look_up_in(
        &self,
        is_asked: impl Fn(&SegmentInfo) -> bool,
        ids: &[ChunkId],
        damaged: &HashSet<Damaged>,
    ) -> Result<Vec<Option<Address>>, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.look_up_once(&is_asked, ids, damaged)? {
                return Ok(found);
            }
        }
        Err(Error::Busy { what: "merging of the index" })
    }

    /// Whether look-ups keep all segments decoded, so that they read nothing.
    pub(crate) fn is_index_in_memory(&self) -> Result<bool, Error> {
        let bytes: u64 = self.with(|state| state.segments.iter().map(|info| info.size_bytes).sum())?;
        Ok(MEMORY_FACTOR as u64 * bytes <= self.cache_bytes as u64)
    }

    /// `None` when a segment vanished, which is merged into another then.
    fn look_up_once(
        &self,
        is_asked: impl Fn(&SegmentInfo) -> bool,
        ids: &[ChunkId],
        damaged: &HashSet<Damaged>,
    ) -> Result<Option<Vec<Option<Address>>>, Error> {
        let is_asked = |info: &&SegmentInfo| info.data_ids > 0 && is_asked(info);
        let chain: Vec<_> = self.with(|state| state.segments.iter().filter(is_asked).copied().collect())?;
        if chain.is_empty() {
            return Ok(Some(vec![None; ids.len()]));
        }
        let mut open: BTreeMap<ChunkId, Option<Address>> = ids.iter().map(|id| (*id, None)).collect();
        let mut left = open.len();
        let is_all_decoded = self.is_index_in_memory()?;
        for info in chain.iter().rev() {
            if left == 0 {
                break;
            }
            let Some(index) = self.data_ids(info, is_all_decoded)? else { return Ok(None) };
            left -= self.search(&index, damaged, &mut open)?;
        }
        Ok(Some(ids.iter().map(|id| open.get(id).copied().flatten()).collect()))
    }

    /// Fills in what this segment has; gives the number of ids that were found.
    fn search(
        &self,
        index: &DataIds,
        damaged: &HashSet<Damaged>,
        open: &mut BTreeMap<ChunkId, Option<Address>>,
    ) -> Result<usize, Error> {
        // The segment has the states of its end; those that count are today's.
        let live = |place: u32| {
            let address = index.positions.get(place)?;
            let state = read(&self.state);
            let frame = state.packs.get(&address.pack)?.frame(address.frame)?;
            let is_good = !Damaged::is_in(damaged, address.pack, address.frame);
            (frame.retired == 0 && address.ordinal < frame.chunks && is_good).then_some(address)
        };
        let mut found = 0;
        let mut last = None;
        for (id, answer) in open.iter_mut().filter(|(_, answer)| answer.is_none()) {
            *answer = index.ids.find(id, &mut last, live)?;
            found += usize::from(answer.is_some());
        }
        Ok(found)
    }

    fn data_ids(&self, info: &SegmentInfo, is_all_decoded: bool) -> Result<Option<Arc<DataIds>>, Error> {
        let name = (info.from, info.to);
        if let Some(index) = lock(&self.cache).get(&name) {
            return Ok(Some(index));
        }
        // Of those who need the same segment one reads it.
        let _reading = lock(&self.reading);
        if let Some(index) = lock(&self.cache).get(&name) {
            return Ok(Some(index));
        }
        let memory = MEMORY_FACTOR as u64 * info.size_bytes;
        let opened = if is_all_decoded || memory <= (self.cache_bytes / SMALL_PART) as u64 {
            self.decoded(info)?
        } else {
            self.scan(info.from, info.to)?.map(DataIds::stored)
        };
        let Some((index, cost)) = opened else { return Ok(None) };
        let index = Arc::new(index);
        lock(&self.cache).insert(name, &index, cost);
        Ok(Some(index))
    }

    /// The decoded ids and what they take in memory.
    fn decoded(&self, info: &SegmentInfo) -> Result<Option<(DataIds, usize)>, Error> {
        let key = self.objects.names.segment(info.from, info.to)?;
        let Some(bytes) = self.objects.read(&key, limits::SEGMENT_MAX)? else { return Ok(None) };
        let segment = Segment::decode(&bytes).map_err(|source| Error::Damaged { key, source })?;
        let positions = segment.addresses(PackKind::Data);
        Ok(Some((DataIds { ids: Ids::Decoded(segment.data_ids), positions }, MEMORY_FACTOR * bytes.len())))
    }
}

impl DataIds {
    /// Ids that stay in the store, and what is kept of them in memory.
    fn stored(scanned: Scanned) -> (Self, usize) {
        let positions = scanned.segment.addresses(PackKind::Data);
        let cost = positions.memory_bytes() + scanned.data_ids.memory_bytes();
        let ids = Ids::Stored { blocks: scanned.data_ids, object: scanned.object };
        (Self { ids, positions }, cost)
    }
}

impl Ids {
    /// What `choose` makes of the first place of this id that it takes. `last` is the block that was read last.
    fn find(
        &self,
        id: &ChunkId,
        last: &mut Option<(u32, IdTable)>,
        choose: impl Fn(u32) -> Option<Address>,
    ) -> Result<Option<Address>, Error> {
        let choose_of = |table: &IdTable| table.places(id).iter().find_map(|place| choose(*place));
        let (blocks, object) = match self {
            Self::Decoded(table) => return Ok(choose_of(table)),
            Self::Stored { blocks, object } => (blocks, object),
        };
        for number in blocks.blocks_of(id) {
            let table = match last.take() {
                Some((at, table)) if at == number => table,
                _ => read_block(blocks, &**object, number)?,
            };
            let chosen = choose_of(&table);
            *last = Some((number, table));
            if chosen.is_some() {
                return Ok(chosen);
            }
        }
        Ok(None)
    }
}

fn read_block(blocks: &SparseIds, object: &dyn BlobReader, number: u32) -> Result<IdTable, Error> {
    let [ids, places] = blocks.block(number).map(|range| {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        object.read_at(range.start, &mut bytes).map(|()| bytes)
    });
    Ok(IdTable::of_bytes(&ids?, &places?))
}

#[cfg(test)]
mod tests;
