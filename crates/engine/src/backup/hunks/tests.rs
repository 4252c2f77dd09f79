//! Further names of a file, and the bound of a hunk.

use super::*;
use crate::backup::tests::plain_entry;
use crate::remote::IndexIds;
use format::keys::Keyring;
use model::{Custody, LeaseId, SetId, VaultId};

fn linked(path: &str, flag: u32) -> Entry {
    Entry { flags: flags::HARD_LINK | flag, size: 7, ..plain_entry(path) }
}

#[test]
fn a_further_name_takes_only_content_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheWriter::create(folder.path(), SetId::from_bytes([1; 16])).unwrap();
    let mut writer = HunkWriter::new(cache);
    let further = linked("/c", 0);
    assert!(writer.with_first_content(&further).is_none());
    writer.note(&Classes::default(), &linked("/a", flags::UNREAD), &[]);
    assert!(writer.with_first_content(&further).is_none(), "nothing was read of it");
    writer.note(&Classes::default(), &linked("/a2", flags::KEPT), &[]);
    assert!(writer.with_first_content(&further).is_none(), "it is an older version");
    writer.note(&Classes::default(), &Entry { size: 9, ..linked("/b", flags::CHANGING) }, &[]);
    let Some(Item::Entry(entry, _)) = writer.with_first_content(&further) else { panic!("no entry") };
    assert_eq!((&entry.path[..], entry.size), (&b"/c"[..], 9));
    assert!(entry.has(flags::CHANGING));
    let later = Entry { changed: FileTime { secs: 1, nanos: 1 }, ..linked("/c", 0) };
    assert!(writer.with_first_content(&later).is_none(), "it was changed since");
    let other = Entry { ino: 2, ..linked("/d", 0) };
    assert!(writer.with_first_content(&other).is_none());
}

#[test]
fn a_hunk_that_no_reader_takes_is_not_stored() {
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let (packer, _packs) = Packer::new(&keyring, LeaseId::random(), &Classes::default(), 1);
    let (keys, classes, index) =
        (keyring.id_keys(), Classes::default(), Index::new(Vec::new(), IndexIds::All, 0));
    let mut store = HunkStore::new(&keys, &classes, &index, &packer, 1);
    let largest = vec![0; limits::HUNK_MAX];
    store.store(ChunkId::from_bytes([1; 16]), &largest, RangeList::new()).unwrap();
    let larger = vec![0; limits::HUNK_MAX + 1];
    let error = store.store(ChunkId::from_bytes([2; 16]), &larger, RangeList::new()).unwrap_err();
    assert!(matches!(error, EngineError::Defect(_)));
}
