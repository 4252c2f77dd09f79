//! Addresses of chunks by their ids: binary searches in decoded segments, of which a bounded number is kept.

use super::{Log, SEGMENT_CACHE_BYTES};
use crate::Error;
use crate::locks::{lock, read};
use format::frame::PackKind;
use format::limits;
use format::ranges::Address;
use format::segment::{IdTable, Positions, Segment};
use model::ChunkId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Attempts to read a segment that is being merged.
const ATTEMPTS: usize = 3;

/// Memory of a decoded segment by the size of its object: ids and states of frames take about as much in both.
const MEMORY_FACTOR: usize = 2;

/// What look-ups need of a segment.
pub(super) struct DataIds {
    table: IdTable,
    positions: Positions,
}

impl Log {
    /// For each id the address of a data chunk in a frame that is not retired.
    pub(crate) fn look_up(&self, ids: &[ChunkId]) -> Result<Vec<Option<Address>>, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.look_up_once(ids)? {
                return Ok(found);
            }
        }
        Err(Error::Busy { what: "merging of the index" })
    }

    /// Whether look-ups keep all segments decoded, so that they read nothing.
    pub(crate) fn is_index_in_memory(&self) -> Result<bool, Error> {
        let bytes: u64 = self.with(|state| state.segments.iter().map(|info| info.size_bytes).sum())?;
        Ok(MEMORY_FACTOR as u64 * bytes <= SEGMENT_CACHE_BYTES as u64)
    }

    /// `None` when a segment vanished, which is merged into another then.
    fn look_up_once(&self, ids: &[ChunkId]) -> Result<Option<Vec<Option<Address>>>, Error> {
        let mut open: BTreeMap<ChunkId, Option<Address>> = ids.iter().map(|id| (*id, None)).collect();
        let mut left = open.len();
        let chain = self.with(|state| state.segments.clone())?;
        for info in chain.iter().rev().filter(|info| info.ids > 0) {
            if left == 0 {
                break;
            }
            let Some(index) = self.data_ids(info.from, info.to)? else { return Ok(None) };
            left -= self.search(&index, &mut open);
        }
        Ok(Some(ids.iter().map(|id| open.get(id).copied().flatten()).collect()))
    }

    /// Fills in what this segment has; gives the number of ids that were found.
    fn search(&self, index: &DataIds, open: &mut BTreeMap<ChunkId, Option<Address>>) -> usize {
        let state = read(&self.state);
        let mut found = 0;
        for (id, answer) in open.iter_mut().filter(|(_, answer)| answer.is_none()) {
            // The segment has the states of its end; those that count are today's.
            let live = |place: &u32| {
                let (address, _) = index.positions.get(*place)?;
                let frame = state.packs.get(&address.pack)?.frame(address.frame)?;
                (frame.retired == 0 && address.ordinal < frame.chunks).then_some(address)
            };
            *answer = index.table.places(id).iter().find_map(live);
            found += usize::from(answer.is_some());
        }
        found
    }

    fn data_ids(&self, from: u64, to: u64) -> Result<Option<Arc<DataIds>>, Error> {
        if let Some(index) = lock(&self.cache).get(&(from, to)) {
            return Ok(Some(index));
        }
        let key = self.objects.names.segment(from, to)?;
        let Some(bytes) = self.objects.read(&key, limits::SEGMENT_MAX)? else { return Ok(None) };
        let segment = Segment::decode(&bytes).map_err(|source| Error::Damaged { key, source })?;
        let positions = segment.addresses(PackKind::Data);
        let index = Arc::new(DataIds { table: segment.data_ids, positions });
        lock(&self.cache).insert((from, to), &index, MEMORY_FACTOR * bytes.len());
        Ok(Some(index))
    }
}
