//! From the ranges of a file to its bytes: which frames to get at a time, and what they hold of it.

use crate::frame_cache::Opened;
use crate::frames::FrameName;
use format::ranges::{Range, RangeList};
use model::ChunkId;
use std::collections::HashSet;

/// Ranges that are read in one go at most.
pub(crate) const RANGES_AT_ONCE: usize = 1024;

/// Neighbouring ranges that are read in one go.
#[derive(Debug)]
pub(crate) struct Group {
    /// Which of the ranges.
    pub(crate) ranges: std::ops::Range<usize>,
    /// The frames that they lie in, each once.
    pub(crate) frames: Vec<FrameName>,
}

/// Cuts a list of ranges into groups of at most `frames_at_once` frames and a bounded number of ranges.
pub(crate) fn groups(ranges: &[Range], frames_at_once: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known = HashSet::new();
    for (at, range) in ranges.iter().enumerate() {
        let name = (range.pack, range.frame);
        let fits = groups.last().is_some_and(|group| {
            group.ranges.len() < RANGES_AT_ONCE
                && (known.contains(&name) || group.frames.len() < frames_at_once)
        });
        if !fits {
            known.clear();
            groups.push(Group { ranges: at..at, frames: Vec::new() });
        }
        let last = groups.len() - 1;
        groups[last].ranges.end = at + 1;
        if known.insert(name) {
            groups[last].frames.push(name);
        }
    }
    groups
}

/// Adds the frames of a short list, each once.
pub(crate) fn frames_of(list: &RangeList, frames: &mut Vec<FrameName>) {
    for range in list.as_slice() {
        let name = (range.pack, range.frame);
        if !frames.contains(&name) {
            frames.push(name);
        }
    }
}

/// Adds the content of these ranges and the ids of their chunks. `None` when a frame is damaged or too short.
pub(crate) fn collect<'o>(
    ranges: &[Range],
    opened: &'o Opened,
    content: &mut Vec<&'o [u8]>,
    ids: &mut Vec<ChunkId>,
) -> Option<()> {
    for range in ranges {
        let frame = opened.get(&(range.pack, range.frame))?.as_ref()?;
        content.push(frame.content.chunks(range.first, range.count)?);
        let first = range.first as usize;
        ids.extend_from_slice(frame.ids.get(first..first + range.count as usize)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PackId;

    fn range(frame: u32) -> Range {
        Range { pack: PackId::from_bytes([1; 16]), frame, first: 0, count: 1 }
    }

    #[test]
    fn groups_hold_all_ranges_in_order_within_their_bounds() {
        let ranges: Vec<Range> = [1, 2, 1, 3, 3, 4, 5, 1].map(range).to_vec();
        let found: Vec<_> =
            groups(&ranges, 2).into_iter().map(|group| (group.ranges, group.frames.len())).collect();
        assert_eq!(found, [(0..3, 2), (3..6, 2), (6..8, 2)]);
        let same = vec![range(9); 3 * RANGES_AT_ONCE + 1];
        let found = groups(&same, 2);
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|group| group.frames.len() == 1));
        assert!(groups(&[], 2).is_empty());
    }
}
