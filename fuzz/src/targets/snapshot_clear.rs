//! The clear part of a snapshot record: a record comes back byte for byte, and known fields of its clear part do
//! when it is sealed anew. An input is a clear part in one of the forms of `forms::body`.

use crate::memory::{BASE, within};
use crate::{forms, keys};
use format::codec::Put;
use format::limits;
use format::snapshot::{ClearPart, Counts, SealedPart, SnapshotRecord};
use model::{DeviceId, SnapshotId};

const KNOWN: [u64; 10] = [2, 4, 6, 8, 10, 12, 14, 16, 18, 21];
const GENERATION: u64 = 10;

pub(super) fn run(input: &[u8]) -> bool {
    if let Ok(record) = within(BASE + 16 * input.len(), || SnapshotRecord::decode(input)) {
        assert_eq!(record.encode(), input);
    }
    let Some(clear) = forms::body(input) else { return false };
    let mut bytes = Vec::new();
    bytes.put_bytes(&clear);
    bytes.extend_from_slice(&clear[clear.len() / 2..]);
    let Ok(record) = within(BASE + 16 * bytes.len(), || SnapshotRecord::decode(&bytes)) else { return false };
    assert_eq!(record.encode(), bytes);
    assert!(record.open(&keys::keyring()).is_err(), "this was never sealed");
    assert!(record.clear.hunks.as_slice().len() <= limits::SNAPSHOT_HUNKS_MAX);

    let mut with_key = record.clear.clone();
    with_key.key_generation = 1;
    let sealed = SnapshotRecord::seal(with_key.clone(), &SealedPart::default(), &keys::keyring()).unwrap();
    let sealed_bytes = sealed.encode();
    let again = SnapshotRecord::decode(&sealed_bytes).unwrap();
    assert_eq!((&again, &again.clear), (&sealed, &with_key));
    assert_eq!(again.open(&keys::keyring()), Ok(SealedPart::default()));
    let known = |tag| KNOWN.contains(&tag) && tag != GENERATION;
    assert_eq!(
        forms::known_fields(&clear, known),
        forms::known_fields(forms::first_bytes(&sealed_bytes), known)
    );
    true
}

/// A clear part with everything in it.
pub(super) fn sample() -> ClearPart {
    let device = DeviceId::from_bytes([5; 16]);
    ClearPart {
        snapshot: SnapshotId::from_bytes([4; 16]),
        vault: keys::vault(),
        device,
        set: ClearPart::set_id(device, b"default"),
        key_generation: 1,
        salt: keys::SALT,
        complete: true,
        hunks: super::range_list::sample(),
        counts: Counts { files: 3, bytes: 1 << 30, findings: 1, entries: 400 },
        base: Some(SnapshotId::from_bytes([3; 16])),
    }
}

/// The bytes of a clear part, as a record holds them.
pub(super) fn encoded(clear: ClearPart) -> Vec<u8> {
    let record = SnapshotRecord::seal(clear, &SealedPart::default(), &keys::keyring()).unwrap();
    forms::first_bytes(&record.encode()).to_vec()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let checkpoint = ClearPart { complete: false, base: None, ..sample() };
    [sample(), checkpoint].into_iter().flat_map(|clear| forms::both_forms(&encoded(clear))).collect()
}
