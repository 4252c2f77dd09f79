//! What a snapshot reaches: the frames that hold its hunks and those that these refer to.

use crate::damage::is_damage;
use crate::packs::PackFile;
use crate::{Error, FrameId, Vault};
use format::limits;
use format::ranges::{Address, RangeList};
use model::PackId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A set of frames, one bit each.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    packs: HashMap<PackId, Vec<u64>>,
    /// False when a hunk could not be read: what it refers to is not in the set.
    is_whole: bool,
    /// The packs of hunks that could not be opened.
    closed: Vec<PackId>,
    /// Incarnation and last number of the log when it was computed.
    log: ([u8; 16], u64),
}

/// Packs that are looked at once more before a set that is not whole is used again.
const CLOSED_MAX: usize = 16;

impl Reach {
    pub(crate) fn contains(&self, id: FrameId) -> bool {
        let word = self.packs.get(&id.pack).and_then(|words| words.get(id.frame as usize / 64));
        word.is_some_and(|word| word >> (id.frame % 64) & 1 == 1)
    }

    fn insert(&mut self, id: FrameId) {
        // Frame numbers are bounded by the format; a larger one cannot be stored anywhere.
        if id.frame as usize >= limits::PACK_FRAMES_MAX {
            return;
        }
        let words = self.packs.entry(id.pack).or_default();
        let at = id.frame as usize / 64;
        if words.len() <= at {
            words.resize(at + 1, 0);
        }
        words[at] |= 1 << (id.frame % 64);
    }

    /// What the set takes in memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        let packs: usize = self.packs.values().map(|words| 64 + 8 * words.len()).sum();
        packs + 16 * self.closed.len()
    }
}

/// Distinct hunks by their pack, each as (frame, ordinal), ascending: so each table is read once.
pub(crate) fn by_pack(hunks: &RangeList) -> BTreeMap<PackId, Vec<(u32, u32)>> {
    let mut packs: BTreeMap<PackId, Vec<(u32, u32)>> = BTreeMap::new();
    for Address { pack, frame, ordinal } in hunks.addresses() {
        packs.entry(pack).or_default().push((frame, ordinal));
    }
    for places in packs.values_mut() {
        places.sort_unstable();
        places.dedup();
    }
    packs
}

/// The clear range list of a hunk.
pub(crate) fn references(file: &PackFile, frame: u32, ordinal: u32) -> Option<&RangeList> {
    file.table.frame(frame)?.references.get(ordinal as usize)
}

impl Vault {
    /// Opens the pack that the log lists, or the newest that is there when it lists none.
    pub(crate) fn open_pack(&self, pack: PackId) -> Result<Arc<PackFile>, Error> {
        let expected = self.log.with_any(|state| state.packs.get(&pack).map(|row| row.generation));
        self.packs.open(pack, expected)
    }

    /// What these hunks reach. A hunk that cannot be read costs only what it refers to.
    pub(crate) fn reach(&self, hunks: &RangeList) -> Result<Reach, Error> {
        let mut reach = Reach { is_whole: true, log: self.log_now(), ..Reach::default() };
        for (pack, places) in by_pack(hunks) {
            let file = match self.open_pack(pack) {
                Ok(file) => Some(file),
                Err(error) if is_damage(&error) => {
                    reach.closed.push(pack);
                    None
                }
                Err(error) => return Err(error),
            };
            for (frame, ordinal) in places {
                reach.insert(FrameId { pack, frame });
                match file.as_ref().and_then(|file| references(file, frame, ordinal)) {
                    Some(list) => {
                        let ids = list
                            .as_slice()
                            .iter()
                            .map(|range| FrameId { pack: range.pack, frame: range.frame });
                        ids.for_each(|id| reach.insert(id));
                    }
                    None => reach.is_whole = false,
                }
            }
        }
        Ok(reach)
    }

    /// Whether a set that was computed before still holds. A whole one always does. Another one does until the log
    /// goes on, as a pack may be sent anew, or a pack can be opened again, as a disk may be repaired.
    pub(crate) fn still_holds(&self, reach: &Reach) -> bool {
        let is_closed = |pack: &PackId| self.open_pack(*pack).is_err();
        reach.is_whole || (reach.log == self.log_now() && reach.closed.iter().take(CLOSED_MAX).all(is_closed))
    }

    fn log_now(&self) -> ([u8; 16], u64) {
        self.log.with_any(|state| (state.incarnation, state.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_in_or_out() {
        let mut reach = Reach::default();
        let id = |pack: u8, frame: u32| FrameId { pack: PackId::from_bytes([pack; 16]), frame };
        for frame in [0, 63, 64, 8191] {
            reach.insert(id(1, frame));
        }
        reach.insert(id(1, 8192));
        assert!([0, 63, 64, 8191].iter().all(|frame| reach.contains(id(1, *frame))));
        assert!([1, 62, 65, 8190, 8192, u32::MAX].iter().all(|frame| !reach.contains(id(1, *frame))));
        assert!(!reach.contains(id(2, 0)));
    }
}
