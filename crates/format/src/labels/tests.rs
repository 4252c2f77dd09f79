//! Labels come back, and nothing but what was sealed for this snapshot does.

use super::*;
use model::Custody;
use proptest::prelude::*;

fn keyring() -> Keyring {
    Keyring::for_tests(VaultId::from_bytes([1; 16]), Custody::Private, 7)
}

fn set(labels: &[&str]) -> BTreeSet<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}

fn sealed(labels: &BTreeSet<String>) -> Result<SealedLabels, Error> {
    SealedLabels::seal(SnapshotId::from_bytes([2; 16]), [3; 32], labels, &keyring())
}

proptest! {
    #[test]
    fn labels_come_back(labels in prop::collection::btree_set("[^\\p{Cc}]{1,16}", 0..=limits::LABELS)) {
        let object = sealed(&labels).unwrap();
        let bytes = object.encode();
        prop_assert!(bytes.len() <= limits::LABELS_OBJECT_MAX);
        let again = SealedLabels::decode(&bytes).unwrap();
        prop_assert_eq!(&again, &object);
        prop_assert_eq!(again.open(object.snapshot, &keyring()).unwrap(), labels);
    }

    #[test]
    fn any_plaintext_is_read_or_refused(plain: Vec<u8>) {
        if let Ok(labels) = decode_plain(&plain) {
            prop_assert_eq!(decode_plain(&encode_plain(&labels).unwrap()), Ok(labels));
        }
    }
}

#[test]
fn what_is_no_label_is_refused_by_writers_and_readers() {
    let long = "x".repeat(limits::LABEL_MAX + 1);
    for text in ["", "a\nb", "\u{7f}", "\u{9b}31m", &long] {
        assert!(!is_label(text) && sealed(&set(&[text])).is_err(), "{text:?}");
        let list = [&[1, text.len() as u8], text.as_bytes()].concat();
        assert!(decode_plain(&plain(&list)).is_err(), "{text:?}");
    }
    assert!(is_label(&"x".repeat(limits::LABEL_MAX)) && is_label("vor dem Umzug ä"));
    let many: BTreeSet<String> = (0..=limits::LABELS).map(|number| format!("label {number}")).collect();
    assert!(matches!(sealed(&many), Err(Error::TooLarge { value: 33, .. })));
    // Neither order nor number of occurrences can be chosen, and there is a list.
    assert!(decode_plain(&plain(b"\x02\x01b\x01a")).is_err());
    assert!(decode_plain(&plain(b"\x02\x01a\x01a")).is_err());
    assert!(decode_plain(&[0; 256]).is_err());
}

fn plain(list: &[u8]) -> Vec<u8> {
    let (mut fields, mut plain) = (Vec::new(), Vec::new());
    fields.put_field(2, list);
    plain.put_bytes(&fields);
    plain
}

#[test]
fn the_length_says_little_and_the_largest_fits() {
    let length = |labels: &BTreeSet<String>| sealed(labels).unwrap().encode().len();
    assert_eq!(length(&set(&[])), length(&set(&["a", "monthly", "before the upgrade"])));
    let largest = (0..limits::LABELS).map(|number| format!("{number:064}")).collect();
    assert!(length(&largest) <= limits::LABELS_OBJECT_MAX);
}

#[test]
fn labels_of_another_snapshot_vault_or_key_are_not_taken() {
    let object = sealed(&set(&["mine"])).unwrap();
    assert!(object.open(SnapshotId::from_bytes([9; 16]), &keyring()).is_err());
    let other = Keyring::for_tests(VaultId::from_bytes([9; 16]), Custody::Private, 7);
    assert!(object.open(object.snapshot, &other).is_err());
    let other = Keyring::for_tests(keyring().vault(), Custody::Private, 8);
    let tag = Error::Mismatch { what: "labels", check: "authentication tag" };
    assert_eq!(object.open(object.snapshot, &other), Err(tag.clone()));
    // The clear part is bound to the labels.
    let clear = [&object.clear[..2], &[9; 16], &object.clear[18..]].concat();
    let moved = SealedLabels { snapshot: SnapshotId::from_bytes([9; 16]), clear, ..object };
    let moved = SealedLabels::decode(&moved.encode()).unwrap();
    assert_eq!(moved.open(moved.snapshot, &keyring()), Err(tag));
}
