//! One bit per chunk of the vault: whether some snapshot refers to it; and one more: whether the newest of a set does.

use crate::FrameId;
use crate::log::LogState;
use format::frame::PackKind;
use format::ranges::Range;
use format::segment::PackRow;
use model::PackId;
use std::collections::HashMap;
use std::sync::Arc;

/// A range that the log does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unmarkable(pub(crate) FrameId);

pub(crate) struct Marks {
    packs: HashMap<PackId, PackMarks>,
}

struct PackMarks {
    row: Arc<PackRow>,
    /// The first bit of each frame, in the order of the row.
    starts: Vec<u32>,
    bits: Vec<u64>,
    /// The marks of the newest snapshots alone.
    newest: Vec<u64>,
}

impl Marks {
    /// No mark in any pack of the log.
    pub(crate) fn new(log: &LogState) -> Self {
        let packs = log.packs.iter().map(|(id, row)| (*id, PackMarks::new(row)));
        Self { packs: packs.collect() }
    }

    pub(crate) fn mark(&mut self, range: &Range) -> Result<(), Unmarkable> {
        let unmarkable = Unmarkable(FrameId { pack: range.pack, frame: range.frame });
        let marks = self.packs.get_mut(&range.pack).ok_or(unmarkable)?;
        let at = marks.row.frames.binary_search_by_key(&range.frame, |frame| frame.number);
        let at = at.map_err(|_| unmarkable)?;
        if u64::from(range.first) + u64::from(range.count) > u64::from(marks.row.frames[at].chunks) {
            return Err(unmarkable);
        }
        let first = marks.starts[at] + range.first;
        for bit in first..first + range.count {
            marks.bits[bit as usize / 64] |= 1 << (bit % 64);
        }
        Ok(())
    }

    /// All marks up to now are those of the newest snapshots.
    pub(crate) fn end_newest(&mut self) {
        for marks in self.packs.values_mut() {
            marks.newest.clone_from(&marks.bits);
        }
    }

    /// How many chunks of the frame at this place of the row are marked. Nothing but cleanup takes frames out of a
    /// row, so it may be an earlier copy.
    pub(crate) fn count(&self, pack: &PackRow, at: usize) -> u32 {
        self.packs.get(&pack.id).map_or(0, |marks| marks.count(&marks.bits, at))
    }

    /// The same of those that the newest snapshots marked.
    pub(crate) fn count_newest(&self, pack: &PackRow, at: usize) -> u32 {
        self.packs.get(&pack.id).map_or(0, |marks| marks.count(&marks.newest, at))
    }

    /// The hunks that are marked and that the newest snapshots did not mark, as (frame, ordinal), pack by pack.
    pub(crate) fn further_hunks(&self) -> Vec<(PackId, Vec<(u32, u32)>)> {
        let hunk_packs = self.packs.values().filter(|marks| marks.row.kind == PackKind::Hunk);
        let mut found: Vec<_> = hunk_packs.map(|marks| (marks.row.id, marks.places())).collect();
        found.retain(|(_, places)| !places.is_empty());
        found.sort_unstable_by_key(|(pack, _)| *pack);
        found
    }
}

impl PackMarks {
    fn new(row: &Arc<PackRow>) -> Self {
        let mut end = 0;
        let mut starts = Vec::with_capacity(row.frames.len());
        for frame in &row.frames {
            starts.push(end);
            end += frame.chunks;
        }
        let none = vec![0; (end as usize).div_ceil(64)];
        Self { row: Arc::clone(row), starts, bits: none.clone(), newest: none }
    }

    fn count(&self, bits: &[u64], at: usize) -> u32 {
        self.bits_of(at).filter(|bit| is_set(bits, *bit)).count() as u32
    }

    fn bits_of(&self, at: usize) -> std::ops::Range<u32> {
        let start = self.starts[at];
        start..start + self.row.frames[at].chunks
    }

    fn places(&self) -> Vec<(u32, u32)> {
        let frames = self.row.frames.iter().enumerate();
        frames
            .flat_map(|(at, frame)| {
                let bits = self.bits_of(at);
                let start = bits.start;
                let further = bits.filter(|bit| is_set(&self.bits, *bit) && !is_set(&self.newest, *bit));
                further.map(move |bit| (frame.number, bit - start))
            })
            .collect()
    }
}

fn is_set(bits: &[u64], bit: u32) -> bool {
    bits[bit as usize / 64] >> (bit % 64) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::segment::FrameState;
    use model::LeaseId;

    #[test]
    fn marks_are_counted_per_frame_and_ranges_outside_refused() {
        let pack = PackId::from_bytes([1; 16]);
        let frame = |number, chunks| FrameState { number, length: 100, chunks, retired: 0, condemned: 0 };
        let row = PackRow {
            id: pack,
            kind: PackKind::Hunk,
            key_generation: 1,
            generation: 0,
            lease: LeaseId::from_bytes([0; 16]),
            stored_bytes: 0,
            added: 1,
            frames: vec![frame(2, 70), frame(5, 3), frame(6, 100)],
        };
        let mut log = LogState::empty();
        log.packs.insert(pack, Arc::new(row.clone()));
        let mut marks = Marks::new(&log);
        let range = |frame, first, count| Range { pack, frame, first, count };
        marks.mark(&range(2, 60, 10)).unwrap();
        marks.mark(&range(2, 69, 1)).unwrap();
        marks.mark(&range(6, 0, 1)).unwrap();
        assert_eq!([0, 1, 2].map(|at| marks.count(&row, at)), [10, 0, 1]);
        let places = marks.further_hunks();
        assert_eq!((places.len(), places[0].1.len(), places[0].1[10]), (1, 11, (6, 0)));
        for outside in [range(2, 61, 10), range(3, 0, 1), range(5, u32::MAX, 1)] {
            assert_eq!(marks.mark(&outside), Err(Unmarkable(FrameId { pack, frame: outside.frame })));
        }
        let foreign = Range { pack: PackId::from_bytes([2; 16]), ..range(2, 0, 1) };
        assert!(marks.mark(&foreign).is_err());
        assert_eq!([0, 1, 2].map(|at| marks.count(&row, at)), [10, 0, 1]);
        marks.end_newest();
        assert!(marks.further_hunks().is_empty());
        marks.mark(&range(5, 1, 2)).unwrap();
        marks.mark(&range(6, 0, 2)).unwrap();
        assert_eq!([0, 1, 2].map(|at| marks.count(&row, at)), [10, 2, 2]);
        assert_eq!([0, 1, 2].map(|at| marks.count_newest(&row, at)), [10, 0, 1]);
        assert_eq!(marks.further_hunks(), [(pack, vec![(5, 1), (5, 2), (6, 1)])]);
    }
}
