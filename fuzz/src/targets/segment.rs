//! Segments of the log: one form only, numbers in their interval, and a place in a pack for every id.
//! An input is the body of a segment.

use crate::forms;
use crate::memory::{BASE, within};
use format::frame::PackKind;
use format::limits;
use format::object::{ObjectKind, seal_envelope};
use format::segment::{Change, ChangeKind, IdTable, PackRow, Segment, SegmentScanner};
use model::{LeaseId, PackId, Timestamp};

pub(super) fn run(input: &[u8]) -> bool {
    assert!(Segment::decode(input).is_err(), "no input has the hash of an envelope");
    let object = seal_envelope(ObjectKind::Segment, input);
    // Five bytes of a frame become 32, and a list takes three times its size while it grows.
    let Ok(segment) = within(BASE + 24 * input.len(), || Segment::decode(&object)) else { return false };
    assert_eq!(segment.encode(), object);
    check(&segment);
    let mut scanner = SegmentScanner::new();
    object.chunks(1_000).for_each(|piece| scanner.feed(piece).expect("a scan takes what a decoder takes"));
    let (rest, _) = scanner.finish().expect("it was whole");
    assert_eq!(rest, Segment { data_ids: IdTable::default(), ..segment });
    true
}

/// What every segment keeps to.
pub(super) fn check(segment: &Segment) {
    let interval = segment.from..=segment.to;
    assert!(segment.from > 0 && !interval.is_empty());
    assert!(segment.packs.iter().all(|pack| interval.contains(&pack.added)), "a pack of another interval");
    assert!(segment.changes.iter().all(|change| interval.contains(&change.sequence)));
    assert!(segment.times.iter().all(|(number, _)| interval.contains(number)));
    assert!(segment.times.windows(2).all(|two| two[0].0 < two[1].0));
    for pack in &segment.packs {
        assert!(pack.frames.len() <= limits::PACK_FRAMES_MAX);
        assert!(pack.frames.windows(2).all(|two| two[0].number < two[1].number));
        assert!(pack.frames.iter().all(|frame| pack.frame(frame.number) == Some(frame)));
    }
    check_ids(segment, PackKind::Data, &segment.data_ids);
    check_ids(segment, PackKind::Hunk, &segment.hunk_ids);
}

fn check_ids(segment: &Segment, kind: PackKind, table: &IdTable) {
    let positions = segment.addresses(kind);
    assert_eq!(table.ids.len(), table.positions.len());
    for (id, place) in table.ids.iter().zip(&table.positions) {
        assert!(table.places(id).contains(place) && table.find(id) == table.places(id).first().copied());
        let address = positions.get(*place).expect("a place lies in a pack");
        let is_its_pack = |pack: &&PackRow| pack.id == address.pack && pack.kind == kind;
        let frames = segment.packs.iter().filter(is_its_pack).filter_map(|pack| pack.frame(address.frame));
        assert!(frames.into_iter().any(|frame| address.ordinal < frame.chunks));
    }
}

/// A log of five numbers: two packs, changes, and a pack that is gone.
pub(super) fn samples() -> Vec<Segment> {
    let incarnation = [7; 16];
    let tables = super::pack_scanner::samples();
    let pack = |at: usize, sequence| {
        let mut table = tables[at].1.clone();
        table.header.context.pack = PackId::from_bytes([at as u8 + 1; 16]);
        let row = PackRow::new(&table, LeaseId::from_bytes([8; 16]), tables[at].0.len() as u64, sequence);
        Segment::of_packs(incarnation, sequence, vec![(row, &table)])
    };
    let change = |sequence, kind, pack: u8, frames: &[u32]| {
        let change = Change { sequence, kind, pack: PackId::from_bytes([pack; 16]), frames: frames.to_vec() };
        Segment::of_changes(incarnation, sequence, vec![change])
    };
    vec![
        Segment::of_changes(incarnation, 1, Vec::new()),
        pack(0, 2),
        pack(1, 3),
        change(4, ChangeKind::Condemned, 1, &[0, 5]).at(Timestamp::from_secs(1_800_000_000)),
        change(5, ChangeKind::Removed { generation: Some(1) }, 1, &[0]),
        change(6, ChangeKind::Reprieved, 1, &[5]),
        change(7, ChangeKind::Removed { generation: None }, 2, &[0, 2, 5]),
    ]
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let log = samples();
    let merged = [&log[1..3], &log[2..4], &log[..]].map(|part| format::segment::merge(part).unwrap());
    let chosen = [&log[1], &log[3], &log[4]].into_iter().chain(&merged);
    chosen.map(|segment| forms::body_of(&segment.encode()).to_vec()).collect()
}
