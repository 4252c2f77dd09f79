//! Labels of a snapshot: what was opened comes back when it is sealed anew. An input is a body after a byte 0; after a
//! byte 1 the whole plaintext, else pieces of its field list, both sealed with a known key behind a clear part.

use crate::memory::{BASE, within};
use crate::{forms, keys};
use format::codec::Put;
use format::labels::{SealedLabels, is_label};
use format::limits;
use format::object::{ObjectKind, seal_envelope};
use model::SnapshotId;
use std::collections::BTreeSet;

pub(super) fn run(input: &[u8]) -> bool {
    assert!(SealedLabels::decode(input).is_err(), "no input has the hash of an envelope");
    let Some((form, rest)) = input.split_first() else { return false };
    let body = match form {
        0 => rest.to_vec(),
        1 => body_with(rest),
        _ => body_with(&plaintext(&forms::field_list(&forms::pieces(rest)))),
    };
    let object = seal_envelope(ObjectKind::Labels, &body);
    let Ok(sealed) = within(BASE + 2 * body.len(), || SealedLabels::decode(&object)) else { return false };
    assert!(object.len() <= limits::LABELS_OBJECT_MAX);
    let encoded = sealed.encode();
    assert_eq!(SealedLabels::decode(&encoded).as_ref(), Ok(&sealed));
    let opened = within(BASE + 4 * body.len(), || sealed.open(sealed.snapshot, &keys::keyring()));
    let Ok(labels) = opened else { return false };
    assert!(labels.len() <= limits::LABELS && labels.iter().all(|label| is_label(label)));
    let again = SealedLabels::seal(snapshot(), keys::SALT, &labels, &keys::keyring()).unwrap();
    assert_eq!(again.open(snapshot(), &keys::keyring()), Ok(labels));
    true
}

fn snapshot() -> SnapshotId {
    SnapshotId::from_bytes([8; 16])
}

fn body_with(plain: &[u8]) -> Vec<u8> {
    let mut clear = Vec::new();
    clear.put_field(2, snapshot().as_bytes());
    clear.put_field(4, keys::vault().as_bytes());
    clear.put_varint_field(6, 1);
    clear.put_field(8, &keys::SALT);
    let mut body = Vec::new();
    body.put_bytes(&clear);
    body.extend_from_slice(&keys::seal_labels(&clear, plain));
    body
}

fn plaintext(list: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    plain.put_bytes(list);
    plain
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let labels: BTreeSet<String> = ["before the upgrade", "meilenstein ä"].map(str::to_owned).into();
    let object = SealedLabels::seal(snapshot(), keys::SALT, &labels, &keys::keyring()).unwrap().encode();
    let mut list = vec![2];
    labels.iter().for_each(|label| list.put_bytes(label.as_bytes()));
    let mut fields = Vec::new();
    fields.put_field(2, &list);
    let none = plaintext(&[2, 1, 0]);
    vec![
        [&[0], forms::body_of(&object)].concat(),
        [&[1], &plaintext(&fields)[..]].concat(),
        [&[1], &none[..]].concat(),
        [vec![2], forms::join(&forms::fields_as_pieces(&fields))].concat(),
    ]
}
