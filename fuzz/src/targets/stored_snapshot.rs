//! Snapshots as they are stored: known fields and the agent's record come back. An input is a body after a byte 0,
//! else the server's fields as pieces and the record as the last piece.

use crate::forms;
use crate::memory::{BASE, within};
use format::codec::{Put, Reader};
use format::object::{ObjectKind, open_envelope, seal_envelope};
use format::snapshot::{SealedPart, SnapshotRecord, StoredSnapshot};
use model::Timestamp;

pub(super) fn run(input: &[u8]) -> bool {
    assert!(StoredSnapshot::decode(input).is_err(), "no input has the hash of an envelope");
    let Some((form, rest)) = input.split_first() else { return false };
    let body = if *form == 0 { rest.to_vec() } else { from_pieces(forms::pieces(rest)) };
    let object = seal_envelope(ObjectKind::Snapshot, &body);
    assert_eq!(open_envelope(&object, ObjectKind::Snapshot).unwrap(), body);
    let Ok(stored) = within(BASE + 2 * body.len(), || StoredSnapshot::decode(&object)) else { return false };
    let again = stored.encode();
    assert_eq!(StoredSnapshot::decode(&again).unwrap(), stored);
    let known = |tag| matches!(tag, 2 | 4);
    let server = |body| forms::known_fields(forms::first_bytes(body), known);
    assert_eq!(server(&body), server(forms::body_of(&again)));
    assert!(body.ends_with(&stored.record));
    assert_eq!(stored.record_hash(), *blake3::hash(&stored.record).as_bytes());
    if let Ok(record) = SnapshotRecord::decode(&stored.record) {
        assert_eq!(record.encode(), stored.record);
    }
    true
}

fn from_pieces(mut pieces: Vec<Vec<u8>>) -> Vec<u8> {
    let record = pieces.pop().unwrap_or_default();
    let mut body = Vec::new();
    body.put_bytes(&forms::field_list(&pieces));
    body.extend_from_slice(&record);
    body
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let clear = super::snapshot_clear::sample();
    let record =
        SnapshotRecord::seal(clear, &SealedPart::default(), &crate::keys::keyring()).unwrap().encode();
    let stored = StoredSnapshot { sequence: 300, received: Timestamp::from_secs(1_800_000_000), record };
    let object = stored.encode();
    let body = forms::body_of(&object);
    let mut pieces = forms::fields_as_pieces(Reader::new(body, "fuzz").bytes().unwrap());
    pieces.push(stored.record);
    vec![[&[0], body].concat(), [vec![1], forms::join(&pieces)].concat()]
}
