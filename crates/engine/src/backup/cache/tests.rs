//! A cache comes back as it was written, and a damaged one is never believed.

use super::*;
use format::hunk::HunkBuilder;
use format::keys::Keyring;
use model::Custody;

fn header() -> BaseHeader {
    let mut held = HeldClasses::default();
    let grown = format::entry::Entry { ino: 9, class: 2, ..crate::backup::tests::plain_entry("/grown") };
    held.note(&format::classes::Classes::default(), &grown);
    assert_eq!(held.get(1, 9), Some(2));
    BaseHeader {
        vault: VaultId::random(),
        device: DeviceId::random(),
        set: SetId::random(),
        snapshot: SnapshotId::random(),
        complete: true,
        findings: vec![Finding {
            path: b"/a".to_vec(),
            reason: FindingReason::Denied,
            errno: 13,
            first_seen: Timestamp::from_secs(7),
            kept_previous: false,
        }],
        roots: vec![Root { path: b"/".to_vec(), fs_id: 3, mount_point: true, fs_type: b"ext4".to_vec() }],
        held,
    }
}

fn hunk_bytes(path: &str) -> Vec<u8> {
    let keys = Keyring::for_tests(VaultId::from_bytes([0; 16]), Custody::Managed, 1).id_keys();
    let mut builder = HunkBuilder::new();
    builder.push(&crate::backup::tests::plain_entry(path), &[]);
    builder.finish(&keys).unwrap().bytes
}

fn write(folder: &Path, header: &BaseHeader) {
    let mut writer = CacheWriter::create(folder, header.set).unwrap();
    let address = Address { pack: PackId::random(), frame: 1, ordinal: 2 };
    for path in ["/a", "/b"] {
        writer.push(ChunkId::random(), address, &hunk_bytes(path), &[]).unwrap();
    }
    writer.finish(header).unwrap();
}

#[test]
fn a_cache_comes_back_for_its_own_set_only() {
    let folder = tempfile::tempdir().unwrap();
    let header = header();
    write(folder.path(), &header);
    let reader = CacheReader::open(folder.path(), header.vault, header.device, header.set).unwrap();
    assert_eq!(reader.header, header);
    let paths: Vec<_> = reader.map(|hunk| hunk.unwrap().entries[0].path.clone()).collect();
    assert_eq!(paths, [b"/a", b"/b"]);
    assert!(CacheReader::open(folder.path(), VaultId::random(), header.device, header.set).is_none());
    remove(folder.path(), header.set);
    assert!(CacheReader::open(folder.path(), header.vault, header.device, header.set).is_none());
}

#[test]
fn every_cut_and_every_flipped_byte_is_an_error_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let header = header();
    write(folder.path(), &header);
    let path = folder.path().join(file_name(header.set));
    let good = std::fs::read(&path).unwrap();
    let usable = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        CacheReader::open(folder.path(), header.vault, header.device, header.set)
            .is_some_and(|mut reader| reader.header == header && reader.by_ref().all(|hunk| hunk.is_ok()))
    };
    assert!(usable(&good));
    for length in 0..good.len() {
        assert!(!usable(&good[..length]), "cut at {length}");
    }
    for at in 0..good.len() {
        let mut broken = good.clone();
        broken[at] ^= 0x40;
        assert!(!usable(&broken), "byte {at}");
    }
}
