//! The numbers that stand for file systems in a snapshot. The system's own device numbers are given out anew at each
//! boot for many of them (device mapper, subvolumes, network), so a file system that is where it was in the base keeps
//! the number that it has there.

use crate::kind::entry_kind;
use format::entry::Entry;
use model::SnapshotId;
use platform::Stat;
use std::collections::{HashMap, HashSet};

/// Which number stands for which device of the system, one for one.
#[derive(Debug)]
pub(super) struct FileSystems {
    base: Option<SnapshotId>,
    numbers: HashMap<u64, u64>,
    taken: HashSet<u64>,
}

impl FileSystems {
    /// Nothing is known yet. Without a base the numbers are the system's own.
    pub(super) fn new(base: Option<SnapshotId>) -> Self {
        Self { base, numbers: HashMap::new(), taken: HashSet::new() }
    }

    /// The number for the file system of an entry with these attributes; `previous` is the same path in the base. At
    /// the first entry of a file system it is found out whether it is the one that was here.
    pub(super) fn number(&mut self, stat: &Stat, previous: Option<&Entry>) -> u64 {
        if let Some(number) = self.numbers.get(&stat.dev) {
            return *number;
        }
        let is_it = |entry: &&Entry| entry.ino == stat.ino && entry.kind == entry_kind(stat.kind);
        let known =
            previous.filter(is_it).map(|entry| entry.dev).filter(|number| !self.taken.contains(number));
        let number = known.unwrap_or_else(|| self.unused(stat.dev));
        self.take(stat.dev, number)
    }

    /// The number for the file system of `dev`, when one of its entries came before.
    pub(super) fn known(&self, dev: u64) -> Option<u64> {
        self.numbers.get(&dev).copied()
    }

    /// The file system of `dev` is another one than was here, whatever its entries look like. One that was met before
    /// keeps its number.
    pub(super) fn is_new(&mut self, dev: u64) {
        if !self.numbers.contains_key(&dev) {
            self.take(dev, self.unused(dev));
        }
    }

    fn take(&mut self, dev: u64, number: u64) -> u64 {
        self.numbers.insert(dev, number);
        self.taken.insert(number);
        number
    }

    /// A number that nothing in the base has: which device had `dev` then, nobody knows. A repeated run finds the same.
    fn unused(&self, dev: u64) -> u64 {
        let Some(base) = self.base else { return dev };
        let mut hash = blake3::Hasher::new();
        hash.update(base.as_bytes()).update(&dev.to_le_bytes());
        let mut number = [0; 8];
        hash.finalize_xof().fill(&mut number);
        u64::from_le_bytes(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::tests::plain_entry;
    use format::entry::EntryKind;

    fn stat(dev: u64, ino: u64) -> Stat {
        let folder = tempfile::tempdir().unwrap();
        let stat = platform::Dir::open_root(folder.path()).unwrap().stat_self().unwrap();
        Stat { dev, ino, ..stat }
    }

    fn folder(dev: u64, ino: u64) -> Entry {
        Entry { dev, ino, kind: EntryKind::Dir, ..plain_entry("/folder") }
    }

    #[test]
    fn a_file_system_that_is_where_it_was_keeps_its_number() {
        let mut now = FileSystems::new(Some(SnapshotId::random()));
        assert_eq!(now.number(&stat(50, 2), Some(&folder(10, 2))), 10);
        // What follows on it goes by the device alone.
        assert_eq!(now.number(&stat(50, 77), Some(&folder(11, 77))), 10);
        assert_eq!(now.number(&stat(50, 78), None), 10);
        assert_eq!(now.number(&stat(51, 2), Some(&folder(11, 2))), 11);
        assert_eq!((now.known(51), now.known(52)), (Some(11), None));
    }

    #[test]
    fn two_file_systems_never_share_a_number() {
        let mut now = FileSystems::new(Some(SnapshotId::random()));
        assert_eq!(now.number(&stat(11, 2), Some(&folder(10, 2))), 10);
        // It was an ordinary folder of the first one; another inode stands there now; it is new. The system's own
        // numbers may be those of others in the base.
        let numbers = [
            now.number(&stat(10, 2), Some(&folder(10, 2))),
            now.number(&stat(12, 3), Some(&folder(20, 2))),
            now.number(&stat(13, 2), None),
        ];
        now.is_new(14);
        let last = now.number(&stat(14, 2), Some(&folder(21, 2)));
        let all: HashSet<u64> = numbers.into_iter().chain([last, 10, 20, 21]).collect();
        assert_eq!(all.len(), 7, "{numbers:?} {last}");
        now.is_new(11);
        assert_eq!(now.number(&stat(11, 5), None), 10);
    }

    #[test]
    fn numbers_are_the_systems_own_without_a_base_and_the_same_in_a_repeated_run() {
        let mut first = FileSystems::new(None);
        assert_eq!(first.number(&stat(50, 2), None), 50);
        first.is_new(51);
        assert_eq!(first.number(&stat(51, 2), None), 51);
        let base = SnapshotId::random();
        let number = |base| FileSystems::new(Some(base)).number(&stat(50, 2), None);
        assert_eq!(number(base), number(base));
        assert_ne!(number(base), number(SnapshotId::random()));
    }
}
