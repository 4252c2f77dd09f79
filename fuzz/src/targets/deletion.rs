//! Deletion records: fields that are known come back as they were.

use crate::forms;
use crate::memory::{BASE, within};
use format::deletion::Deletion;
use format::object::{ObjectKind, seal_envelope};
use model::{SnapshotId, Timestamp};

pub(super) fn run(input: &[u8]) -> bool {
    assert!(Deletion::decode(input).is_err(), "no input has the hash of an envelope");
    let Some(body) = forms::body(input) else { return false };
    let object = seal_envelope(ObjectKind::Deletion, &body);
    let Ok(record) = within(BASE + 4 * body.len(), || Deletion::decode(&object)) else { return false };
    let again = record.encode();
    assert_eq!(Deletion::decode(&again).unwrap(), record);
    // A name that is not UTF-8 is shown as far as it can be.
    if !record.by.contains(char::REPLACEMENT_CHARACTER) && !record.by.is_empty() {
        let known = |tag| matches!(tag, 2 | 4 | 5);
        assert_eq!(forms::known_fields(&body, known), forms::known_fields(forms::body_of(&again), known));
    }
    true
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let record = Deletion {
        snapshot: SnapshotId::from_bytes([8; 16]),
        time: Timestamp::from_secs(1_800_000_000),
        by: "retention".into(),
    };
    forms::both_forms(forms::body_of(&record.encode()))
}
