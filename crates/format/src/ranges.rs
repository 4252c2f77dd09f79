//! Addresses of chunks and lists of ranges of them.

use crate::codec::{Put, Reader};
use crate::{Error, limits};
use model::PackId;
use smallvec::SmallVec;

/// Where a chunk lies: its place in a frame's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The pack.
    pub pack: PackId,
    /// The frame's number in the pack.
    pub frame: u32,
    /// The chunk's place in the frame, from 0.
    pub ordinal: u32,
}

/// Neighbouring chunks of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// The pack.
    pub pack: PackId,
    /// The frame's number in the pack.
    pub frame: u32,
    /// The first chunk's place in the frame.
    pub first: u32,
    /// Number of chunks, 1 or more.
    pub count: u32,
}

/// Ranges in the order of the content they stand for; neighbours that continue each other are joined. Most files have one,
/// which takes no memory of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeList(SmallVec<[Range; 1]>);

impl RangeList {
    /// An empty list.
    pub const fn new() -> Self {
        Self(SmallVec::new_const())
    }

    /// The ranges in order.
    pub fn as_slice(&self) -> &[Range] {
        &self.0
    }

    /// True when there is no range.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of chunks in all ranges.
    pub fn chunks(&self) -> u64 {
        self.0.iter().map(|range| u64::from(range.count)).sum()
    }

    /// Appends one chunk; joins it to the last range when it continues that.
    #[inline]
    pub fn push(&mut self, address: Address) {
        self.push_range(Range { pack: address.pack, frame: address.frame, first: address.ordinal, count: 1 });
    }

    /// Appends a range; joins it to the last one when it continues that.
    #[inline]
    pub fn push_range(&mut self, range: Range) {
        if let Some(last) = self.0.last_mut()
            && last.pack == range.pack
            && last.frame == range.frame
            && last.first + last.count == range.first
        {
            last.count += range.count;
        } else {
            self.0.push(range);
        }
    }

    /// Appends all ranges of `other`.
    pub fn extend(&mut self, other: &Self) {
        for range in &other.0 {
            self.push_range(*range);
        }
    }

    /// The addresses in order.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        self.0.iter().flat_map(|range| {
            (range.first..range.first + range.count).map(|ordinal| Address {
                pack: range.pack,
                frame: range.frame,
                ordinal,
            })
        })
    }

    /// Appends the list to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut packs: Vec<PackId> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for range in &self.0 {
            places.entry(range.pack).or_insert_with(|| {
                packs.push(range.pack);
                packs.len() as u64 - 1
            });
        }
        out.put_varint(packs.len() as u64);
        for pack in &packs {
            out.extend_from_slice(pack.as_bytes());
        }
        out.put_varint(self.0.len() as u64);
        for range in &self.0 {
            out.put_varint(places[&range.pack]);
            out.put_varint(u64::from(range.frame));
            out.put_varint(u64::from(range.first));
            out.put_varint(u64::from(range.count));
        }
    }

    /// Reads a list of at most `most` ranges and refuses any but the one form that `encode` writes.
    pub fn decode(reader: &mut Reader<'_>, most: usize) -> Result<Self, Error> {
        let what = reader.what();
        let pack_count = reader.bounded(limits::RANGE_PACKS_MAX.min(reader.remaining() / 16))?;
        let mut packs = Vec::with_capacity(pack_count);
        for _ in 0..pack_count {
            packs.push(PackId::from_bytes(reader.array()?));
        }
        let distinct: std::collections::HashSet<&PackId> = packs.iter().collect();
        if distinct.len() != pack_count {
            return Err(Error::malformed(what, "each pack of a range list stands in it once"));
        }
        let count = reader.bounded(most.min(reader.remaining() / 4))?;
        let mut list = Self(SmallVec::with_capacity(count));
        let mut seen = 0;
        for _ in 0..count {
            let place = reader.bounded(usize::MAX)?;
            let pack = *packs.get(place).ok_or(Error::malformed(what, "a range names a pack of its list"))?;
            if place > seen || (place == seen && seen == pack_count) {
                return Err(Error::malformed(what, "packs stand in order of first use"));
            }
            seen = seen.max(place + 1);
            let range = Range {
                pack,
                frame: reader.bounded(limits::PACK_FRAMES_MAX - 1)? as u32,
                first: reader.bounded(limits::FRAME_CHUNKS_MAX - 1)? as u32,
                count: reader.bounded(limits::FRAME_CHUNKS_MAX)? as u32,
            };
            if range.count == 0 || (range.first + range.count) as usize > limits::FRAME_CHUNKS_MAX {
                return Err(Error::malformed(what, "a range lies in its frame"));
            }
            let before = list.0.len();
            list.push_range(range);
            if list.0.len() == before {
                return Err(Error::malformed(what, "neighbouring ranges are joined"));
            }
        }
        if seen != pack_count {
            return Err(Error::malformed(what, "every pack of a range list is used"));
        }
        Ok(list)
    }
}

impl FromIterator<Address> for RangeList {
    fn from_iter<T: IntoIterator<Item = Address>>(addresses: T) -> Self {
        let mut list = Self::new();
        addresses.into_iter().for_each(|address| list.push(address));
        list
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn range_lists() -> impl Strategy<Value = RangeList> {
        prop::collection::vec((0u8..4, 0u32..40, 0u32..900, 1u32..60), 0..40).prop_map(|parts| {
            let mut list = RangeList::new();
            for (pack, frame, first, count) in parts {
                list.push_range(Range { pack: PackId::from_bytes([pack; 16]), frame, first, count });
            }
            list
        })
    }

    /// Otherwise the same ranges had several forms, and clear and sealed lists could differ though they agree.
    #[test]
    fn a_pack_that_stands_twice_in_a_list_is_refused() {
        let list = |second: u8| {
            let mut bytes = vec![2];
            bytes.extend_from_slice(&[1; 16]);
            bytes.extend_from_slice(&[second; 16]);
            bytes.extend_from_slice(&[2, 0, 0, 0, 1, 1, 0, 5, 1]);
            RangeList::decode(&mut Reader::new(&bytes, "test"), 10)
        };
        assert_eq!(list(2).unwrap().as_slice().len(), 2);
        assert!(list(1).is_err());
    }

    proptest! {
        #[test]
        fn a_list_comes_back_and_has_one_form(list in range_lists()) {
            let mut out = Vec::new();
            list.encode(&mut out);
            let mut reader = Reader::new(&out, "test");
            prop_assert_eq!(&RangeList::decode(&mut reader, 1000).unwrap(), &list);
            prop_assert!(reader.finish().is_ok());
            prop_assert_eq!(list.addresses().collect::<RangeList>(), list);
        }

        #[test]
        fn any_bytes_that_are_read_are_written_the_same(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes, "test");
            if let Ok(list) = RangeList::decode(&mut reader, 1000) {
                let mut out = Vec::new();
                list.encode(&mut out);
                prop_assert_eq!(&bytes[..bytes.len() - reader.remaining()], &out[..]);
            }
        }
    }
}
