//! Further names of a file, and the bound of a hunk.

use super::*;
use crate::backup::base::BaseHeader;
use crate::backup::cache::CacheReader;
use crate::backup::tests::{any_lease, plain_entry};
use crate::remote::IndexIds;
use format::entry::{DataRun, Xattr};
use format::keys::Keyring;
use model::{Custody, DeviceId, PackId, SetId, SnapshotId, VaultId};

fn linked(path: &str, flag: u32) -> Entry {
    Entry { flags: flags::HARD_LINK | flag, size: 7, ..plain_entry(path) }
}

#[test]
fn a_further_name_takes_only_content_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let cache = NextCache::create(folder.path(), SetId::from_bytes([1; 16]));
    let mut writer = HunkWriter::new(cache);
    let further = linked("/c", 0);
    assert!(writer.with_first_content(&further).is_none());
    writer.remember(&linked("/a", flags::UNREAD), &[]);
    assert!(writer.with_first_content(&further).is_none(), "nothing was read of it");
    writer.remember(&linked("/a2", flags::KEPT), &[]);
    assert!(writer.with_first_content(&further).is_none(), "it is an older version");
    writer.remember(&Entry { size: 9, ..linked("/b", flags::CHANGING) }, &[]);
    let Some(Item::Entry(entry, _)) = writer.with_first_content(&further) else { panic!("no entry") };
    assert_eq!((&entry.path[..], entry.size), (&b"/c"[..], 9));
    assert!(entry.has(flags::CHANGING));
    let later = Entry { changed: FileTime { secs: 1, nanos: 1 }, ..linked("/c", 0) };
    assert!(writer.with_first_content(&later).is_none(), "it was changed since");
    let other = Entry { ino: 2, ..linked("/d", 0) };
    assert!(writer.with_first_content(&other).is_none());
}

/// Hunks of what is written, as the next run reads them.
fn written(entries: &[(Entry, Vec<ChunkId>)]) -> Vec<BaseHunk> {
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let (packer, _packs) = Packer::new(&keyring, &any_lease(), &Classes::default(), limits::FRAME_TARGET, 1);
    let (keys, classes, index) =
        (keyring.id_keys(), Classes::default(), Index::new(Vec::new(), IndexIds::All, 0));
    let mut store = HunkStore::new(&keys, &classes, &index, &packer, 1, limits::FRAME_TARGET);
    let (folder, set) = (tempfile::tempdir().unwrap(), SetId::from_bytes([1; 16]));
    let mut writer = HunkWriter::new(NextCache::create(folder.path(), set));
    for (entry, ids) in entries {
        writer.entry(&mut store, entry, ids).unwrap();
    }
    let (_, cache) = writer.finish(&mut store).unwrap();
    let (device, snapshot) = (DeviceId::random(), SnapshotId::random());
    let (findings, roots, held) = Default::default();
    let vault = keyring.vault();
    cache.finish(&BaseHeader { vault, device, set, snapshot, complete: true, findings, roots, held });
    let hunks = CacheReader::open(folder.path(), vault, device, set).unwrap();
    hunks.collect::<Result<_, _>>().unwrap()
}

/// A file with the longest path, the largest attributes, the most runs of data, and content in as many packs as there
/// are ranges.
fn largest() -> (Entry, Vec<ChunkId>) {
    let ranges = limits::HUNK_RANGES_MAX as u64 + 10;
    let mut entry = plain_entry(&format!("/{}", "p".repeat(limits::PATH_MAX - 1)));
    entry.rare.xattrs = vec![Xattr { name: b"user.x".to_vec(), value: vec![7; limits::ENTRY_RARE_MAX - 14] }];
    entry.rare.runs = vec![DataRun { hole: 1 << 45, length: 1 << 45 }; limits::ENTRY_RUNS_MAX];
    for number in 0..ranges {
        let mut pack = [0; 16];
        pack[..8].copy_from_slice(&number.to_le_bytes());
        entry.content.push(Address { pack: PackId::from_bytes(pack), frame: 8_191, ordinal: 16_383 });
    }
    (entry, vec![ChunkId::from_bytes([9; 16]); ranges as usize])
}

#[test]
fn no_file_makes_a_hunk_that_no_reader_takes() {
    let (entry, ids) = largest();
    // Alone, and behind a hunk that is nearly full.
    let others: Vec<_> = (0..299)
        .map(|number| {
            let mut other = plain_entry(&format!("/a{number:03}"));
            other.rare.xattrs = vec![Xattr { name: b"user.x".to_vec(), value: vec![number as u8; 1_700] }];
            (other, Vec::new())
        })
        .collect();
    for others in [&[][..], &others] {
        let hunks = written(&[others, &[(entry.clone(), ids.clone())]].concat());
        let mut base = BaseEntries::new(hunks.into_iter().map(Ok));
        for (other, _) in others {
            assert_eq!(base.take().unwrap().unwrap().entry(), other);
        }
        let whole = base.take().unwrap().unwrap();
        assert!(whole.entry() == &entry && whole.ids() == ids);
        assert!(base.take().unwrap().is_none());
    }
}

#[test]
fn a_hunk_that_no_reader_takes_is_not_stored() {
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let (packer, _packs) = Packer::new(&keyring, &any_lease(), &Classes::default(), limits::FRAME_TARGET, 1);
    let (keys, classes, index) =
        (keyring.id_keys(), Classes::default(), Index::new(Vec::new(), IndexIds::All, 0));
    let mut store = HunkStore::new(&keys, &classes, &index, &packer, 1, limits::FRAME_TARGET);
    let largest = vec![0; limits::HUNK_MAX];
    store.store(ChunkId::from_bytes([1; 16]), &largest, RangeList::new()).unwrap();
    let larger = vec![0; limits::HUNK_MAX + 1];
    let error = store.store(ChunkId::from_bytes([2; 16]), &larger, RangeList::new()).unwrap_err();
    assert!(matches!(error, EngineError::Defect(_)));
}
