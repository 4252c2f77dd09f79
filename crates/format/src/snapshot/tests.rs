//! Records come back, and clear and sealed part can't be mixed.

use super::*;
use crate::ranges::tests::range_lists;
use model::{ChunkId, Custody, Finding, FindingReason};
use proptest::prelude::*;

fn clear(vault: VaultId, hunks: RangeList) -> ClearPart {
    ClearPart {
        snapshot: SnapshotId::random(),
        vault,
        device: DeviceId::random(),
        set: SetId::random(),
        key_generation: 1,
        salt: model::ids::random_bytes(),
        complete: true,
        hunks,
        counts: Counts { files: 1, bytes: 2, findings: 3, entries: 4 },
        base: Some(SnapshotId::random()),
    }
}

fn part() -> SealedPart {
    SealedPart {
        hunks: [&b"/"[..], b"/home/a", b"/home/b"]
            .map(|path| HunkRef { id: ChunkId::from_bytes([7; 16]), entries: 7, first_path: path.to_vec() })
            .to_vec(),
        paths: vec![b"/home".to_vec()],
        set_name: b"default".to_vec(),
        device_name: b"laptop".to_vec(),
        started: Timestamp::from_secs(10),
        ended: Timestamp::from_secs(20),
        findings: vec![Finding {
            path: b"/home/x\xff".to_vec(),
            reason: FindingReason::Denied,
            errno: 13,
            first_seen: Timestamp::from_secs(5),
            kept_previous: true,
        }],
        exclusions: vec![b"*.tmp".to_vec()],
        roots: vec![Root { path: b"/home".to_vec(), fs_id: 9, mount_point: true, fs_type: b"ext4".to_vec() }],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_record_comes_back(hunks in range_lists()) {
        let keyring = Keyring::create(VaultId::random(), Custody::Managed);
        let record = SnapshotRecord::seal(clear(keyring.vault(), hunks), &part(), &keyring).unwrap();
        let again = SnapshotRecord::decode(&record.encode()).unwrap();
        prop_assert_eq!(&again, &record);
        prop_assert_eq!(again.open(&keyring).unwrap(), part());
        let stored = StoredSnapshot { sequence: 4, received: Timestamp::from_secs(9), record: record.encode() };
        prop_assert_eq!(StoredSnapshot::decode(&stored.encode()).unwrap(), stored);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
        let _ = SnapshotRecord::decode(&bytes);
        let _ = SealedPart::decode(&bytes);
        prop_assert!(StoredSnapshot::decode(&bytes).is_err());
    }
}

/// Otherwise a snapshot could be committed that nobody can read.
#[test]
fn a_part_that_no_reader_would_take_is_not_sealed() {
    let (bytes, paths) =
        (part().encode_within(usize::MAX, usize::MAX).unwrap().len(), "/".len() + 2 * "/home/a".len());
    assert!(part().encode_within(bytes, paths).is_ok());
    assert!(part().encode_within(bytes - 1, paths).is_err());
    assert!(part().encode_within(bytes, paths - 1).is_err());
}

#[test]
fn first_paths_that_are_too_long_together_are_refused_before_memory_is_taken_for_them() {
    let count = limits::SNAPSHOT_PATHS_MAX / limits::PATH_MAX + 1;
    let mut hunks = Vec::new();
    hunks.put_varint(count as u64);
    for at in 0..count {
        hunks.extend_from_slice(&[7; 16]);
        hunks.put_varint(1);
        hunks.put_varint(if at == 0 { 0 } else { limits::PATH_MAX as u64 });
        hunks.put_bytes(if at == 0 { &[b'a'; limits::PATH_MAX] } else { &[] });
    }
    let mut list = Vec::new();
    list.put_field(2, &hunks);
    assert!(list.len() < 2 << 20);
    let (value, limit) = ((count * limits::PATH_MAX) as u64, limits::SNAPSHOT_PATHS_MAX as u64);
    assert_eq!(SealedPart::decode(&list), Err(Error::TooLarge { what: WHAT, value, limit }));
}

#[test]
fn a_sealed_part_belongs_to_its_clear_part() {
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let one = SnapshotRecord::seal(clear(keyring.vault(), RangeList::new()), &part(), &keyring).unwrap();
    let mut other = one.clone();
    other.clear.counts.files += 1;
    let mixed = SnapshotRecord { clear_bytes: other.clear.encode(), ..other };
    assert!(mixed.open(&keyring).is_err());
    assert!(one.open(&keyring).is_ok());
    assert!(one.open(&Keyring::create(keyring.vault(), Custody::Managed)).is_err());
}

#[test]
fn names_do_not_stand_in_clear() {
    let keyring = Keyring::create(VaultId::random(), Custody::Private);
    let record = SnapshotRecord::seal(clear(keyring.vault(), RangeList::new()), &part(), &keyring).unwrap();
    let bytes = record.encode();
    for word in [&b"home"[..], b"laptop", b"default"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word));
    }
}
