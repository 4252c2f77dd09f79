//! Format records with their chunk classes: known fields come back, and every size of a file has a class.

use crate::forms;
use crate::memory::{BASE, within};
use format::limits;
use format::object::{ObjectKind, seal_envelope};
use format::record::FormatRecord;
use model::{Custody, Timestamp, UserId};

const KNOWN: [u64; 7] = [2, 4, 6, 8, 10, 11, 12];

pub(super) fn run(input: &[u8]) -> bool {
    assert!(FormatRecord::decode(input).is_err(), "no input has the hash of an envelope");
    let Some(body) = forms::body(input) else { return false };
    let object = seal_envelope(ObjectKind::FormatRecord, &body);
    let Ok(record) = within(BASE, || FormatRecord::decode(&object)) else { return false };
    let again = record.encode();
    assert_eq!(FormatRecord::decode(&again).unwrap(), record);
    let before = forms::known_fields(&body, |tag| KNOWN.contains(&tag));
    let mut after = forms::known_fields(forms::body_of(&again), |tag| KNOWN.contains(&tag));
    // The time of creation may be missing and is then written as zero.
    after.retain(|field| before.contains(field) || *field != (11, vec![0]));
    assert_eq!(before, after);

    assert!((1..=limits::FRAME_CONTENT_MAX as u32).contains(&record.frame_target));
    let classes = &record.classes;
    let count = classes.as_slice().len();
    let borders = classes.as_slice().iter().map(|class| class.largest_file);
    for size in borders.chain([0, 1, u64::MAX]).flat_map(|size| [size, size.wrapping_add(1), size / 16]) {
        let class = classes.of_size(size);
        assert!((class as usize) < count);
        let chosen = classes.as_slice()[class as usize];
        assert!(chosen.largest_file == 0 || size <= chosen.largest_file);
        for previous in 0..=count as u8 {
            assert!((classes.keep_or_change(previous, size) as usize) < count);
        }
    }
    true
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let (vault, user) = (crate::keys::vault(), UserId::from_bytes([6; 16]));
    let time = Timestamp::from_secs(1_800_000_000);
    let record = FormatRecord::new(vault, user, Custody::Private, time);
    forms::both_forms(forms::body_of(&record.encode()))
}
