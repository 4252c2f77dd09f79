//! The names in one directory, held compactly: one buffer for all names and 16 bytes for each.
//! A million entries take about 16 MB plus their names, and two allocations.

use crate::FileKind;
use std::cmp::Ordering;

/// One name as the directory lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirName<'a> {
    /// The name, any bytes but slash and zero.
    pub name: &'a [u8],
    /// The kind, where the file system lists it; only `stat` is certain.
    pub kind_hint: Option<FileKind>,
    /// The inode number, as listed: that below a mount, not of what is mounted there.
    pub ino: u64,
}

/// The names in a directory, without `.` and `..`; in the directory's own order until sorted.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    names: Vec<u8>,
    records: Vec<Record>,
}

/// Where a name lies: offset (40 bits), length (16 bits) and kind (8 bits) in one word.
#[derive(Debug, Clone, Copy)]
struct Record {
    ino: u64,
    place: u64,
}

impl Record {
    fn name(self, names: &[u8]) -> &[u8] {
        let offset = usize::try_from(self.place >> 24).unwrap_or(usize::MAX);
        let len = usize::from((self.place >> 8) as u16);
        names.get(offset..offset.saturating_add(len)).unwrap_or_default()
    }

    fn view(self, names: &[u8]) -> DirName<'_> {
        DirName { name: self.name(names), kind_hint: kind_of(self.place as u8), ino: self.ino }
    }
}

const KINDS: [FileKind; 7] = [
    FileKind::File,
    FileKind::Dir,
    FileKind::Symlink,
    FileKind::Fifo,
    FileKind::Socket,
    FileKind::CharDevice,
    FileKind::BlockDevice,
];

/// 0 stands for unknown.
fn kind_of(number: u8) -> Option<FileKind> {
    KINDS.get(usize::from(number).checked_sub(1)?).copied()
}

impl Listing {
    /// Adds a name. False, and nothing added, when it is longer than 65,535 bytes or the names fill 1 TiB.
    #[cfg_attr(
        not(all(target_os = "linux", not(platform_unsupported))),
        allow(dead_code, reason = "nothing lists a directory on systems without an implementation")
    )]
    pub(crate) fn push(&mut self, name: &[u8], kind: Option<FileKind>, ino: u64) -> bool {
        let (offset, len) = (self.names.len() as u64, name.len() as u64);
        if offset >> 40 != 0 || len >> 16 != 0 {
            return false;
        }
        let kind = kind.map_or(0, |kind| kind as u64 + 1);
        self.names.extend_from_slice(name);
        self.records.push(Record { ino, place: offset << 24 | len << 8 | kind });
        true
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The name at `index` in the present order.
    pub fn get(&self, index: usize) -> Option<DirName<'_>> {
        self.records.get(index).map(|record| record.view(&self.names))
    }

    /// The names in the present order.
    pub fn iter(&self) -> ListingIter<'_> {
        ListingIter { names: &self.names, records: self.records.iter() }
    }

    /// Sorts by the bytes of the names and drops a name that the kernel listed twice, as it may do when
    /// the directory changes meanwhile.
    pub fn sort_by_name(&mut self) {
        let names = &self.names;
        self.records.sort_unstable_by(|a, b| a.name(names).cmp(b.name(names)));
        self.records.dedup_by(|a, b| a.name(names) == b.name(names));
    }

    /// Sorts by an order of the caller.
    pub fn sort_by(&mut self, mut order: impl FnMut(DirName<'_>, DirName<'_>) -> Ordering) {
        let names = &self.names;
        self.records.sort_unstable_by(|a, b| order(a.view(names), b.view(names)));
    }

    /// Keeps the names for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(DirName<'_>) -> bool) {
        let names = &self.names;
        self.records.retain(|record| keep(record.view(names)));
    }
}

/// Iterator over a [`Listing`].
#[derive(Debug, Clone)]
pub struct ListingIter<'a> {
    names: &'a [u8],
    records: std::slice::Iter<'a, Record>,
}

impl<'a> Iterator for ListingIter<'a> {
    type Item = DirName<'a>;

    fn next(&mut self) -> Option<DirName<'a>> {
        self.records.next().map(|record| record.view(self.names))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl ExactSizeIterator for ListingIter<'_> {}

impl<'a> IntoIterator for &'a Listing {
    type Item = DirName<'a>;
    type IntoIter = ListingIter<'a>;

    fn into_iter(self) -> ListingIter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_kinds_and_inodes_come_back_sorted_and_once() {
        let mut listing = Listing::default();
        assert!(listing.push(b"b\xff", Some(FileKind::BlockDevice), u64::MAX));
        assert!(listing.push(b"a", None, 7));
        assert!(listing.push(&[b'z'; 65_535], Some(FileKind::File), 0));
        assert!(listing.push(b"a", None, 7));
        assert!(!listing.push(&[b'z'; 65_536], None, 1));
        listing.sort_by_name();
        let found: Vec<_> = listing.iter().collect();
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], DirName { name: b"a", kind_hint: None, ino: 7 });
        assert_eq!(
            found[1],
            DirName { name: b"b\xff", kind_hint: Some(FileKind::BlockDevice), ino: u64::MAX }
        );
        assert_eq!(found[2].name.len(), 65_535);
        listing.retain(|name| name.ino != 7);
        listing.sort_by(|a, b| b.name.cmp(a.name));
        assert_eq!(listing.get(1).map(|name| name.name), Some(&b"b\xff"[..]));
        assert!(listing.get(2).is_none());
    }

    #[test]
    fn every_kind_survives_its_number() {
        for kind in KINDS {
            let mut listing = Listing::default();
            listing.push(b"x", Some(kind), 1);
            assert_eq!(listing.get(0).and_then(|name| name.kind_hint), Some(kind));
        }
    }
}
