//! Range lists: one form only, ranges that lie in their frames, and no more of them than were allowed.

use crate::memory::{BASE, within};
use format::codec::Reader;
use format::limits;
use format::ranges::{Address, RangeList};
use model::PackId;

/// Chunks above which the addresses are not walked one by one.
const WALKED: u64 = 1 << 16;

pub(super) fn run(input: &[u8]) -> bool {
    let mut reader = Reader::new(input, "fuzz");
    let decode = || RangeList::decode(&mut reader, limits::HUNK_RANGES_MAX);
    let Ok(list) = within(BASE + 16 * input.len(), decode) else { return false };
    let mut again = Vec::new();
    list.encode(&mut again);
    assert_eq!(again, input[..input.len() - reader.remaining()]);

    let ranges = list.as_slice();
    assert!(ranges.len() <= limits::HUNK_RANGES_MAX);
    for range in ranges {
        assert!((range.frame as usize) < limits::PACK_FRAMES_MAX);
        assert!(range.count > 0 && (range.first + range.count) as usize <= limits::FRAME_CHUNKS_MAX);
    }
    let mut joined = RangeList::new();
    joined.extend(&list);
    assert_eq!(joined, list, "two neighbours continue each other");
    if let Some(fewer) = ranges.len().checked_sub(1) {
        assert!(RangeList::decode(&mut Reader::new(input, "fuzz"), fewer).is_err());
    }
    if list.chunks() <= WALKED {
        assert_eq!(list.addresses().count() as u64, list.chunks());
        assert_eq!(list.addresses().collect::<RangeList>(), list);
    }
    reader.remaining() == 0
}

/// A list of chunks in two packs, with a gap and a return to the first.
pub(super) fn sample() -> RangeList {
    let places = [(1, 0, 0), (1, 0, 1), (1, 0, 5), (2, 3, 0), (2, 3, 1), (1, 1, 9)];
    let address = |(pack, frame, ordinal)| Address { pack: PackId::from_bytes([pack; 16]), frame, ordinal };
    places.into_iter().map(address).collect()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let largest = Address { pack: PackId::from_bytes([9; 16]), frame: 8_191, ordinal: 16_383 };
    [sample(), RangeList::new(), std::iter::once(largest).collect()]
        .iter()
        .map(|list| {
            let mut out = Vec::new();
            list.encode(&mut out);
            out
        })
        .collect()
}
