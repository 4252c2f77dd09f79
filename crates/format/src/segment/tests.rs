//! Segments come back; merging gives the same answers as applying one after another.

use super::*;
use crate::frame::FrameContext;
use crate::pack::{FrameRow, PackHeader};
use model::VaultId;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

fn table(pack: u8, kind: PackKind, frames: &[Vec<u8>]) -> PackTable {
    let context = FrameContext {
        vault: VaultId::from_bytes([0; 16]),
        pack: PackId::from_bytes([pack; 16]),
        kind,
        key_generation: 1,
        salt: [pack; 32],
    };
    let frames = frames.iter().enumerate().map(|(number, ids)| FrameRow {
        number: number as u32,
        offset: 0,
        length: 100,
        hash: [0; 32],
        ids: ids.iter().map(|id| ChunkId::from_bytes([*id; 16])).collect(),
        references: Vec::new(),
    });
    PackTable { header: PackHeader { context, generation: 0 }, frames: frames.collect() }
}

/// A log of packs and changes, one segment a number.
fn log() -> impl Strategy<Value = Vec<Segment>> {
    let pack = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..5), 1..5);
    let change = (any::<prop::sample::Index>(), 0u8..5, prop::collection::btree_set(0u32..5, 1..4));
    prop::collection::vec(prop_oneof![pack.prop_map(Ok), change.prop_map(Err)], 1..20).prop_map(|steps| {
        let mut segments = Vec::new();
        let mut packs = 0u8;
        for (at, step) in steps.into_iter().enumerate() {
            let sequence = at as u64 + 1;
            segments.push(match step {
                Ok(frames) => {
                    let kind = if packs % 3 == 2 { PackKind::Hunk } else { PackKind::Data };
                    let table = table(packs, kind, &frames);
                    packs += 1;
                    let row = PackRow::new(&table, LeaseId::from_bytes([1; 16]), 10, sequence);
                    Segment::of_packs([7; 16], sequence, vec![(row, &table)])
                }
                Err((pack, kind, frames)) => {
                    let pack = PackId::from_bytes(
                        [if packs == 0 { 255 } else { pack.index(packs as usize) as u8 }; 16],
                    );
                    let kind = match kind {
                        0 => ChangeKind::Retired,
                        1 => ChangeKind::Condemned,
                        2 => ChangeKind::Reprieved,
                        3 => ChangeKind::Removed { generation: Some(1) },
                        _ => ChangeKind::Removed { generation: None },
                    };
                    let frames = frames.into_iter().collect();
                    let change = Change { sequence, kind, pack, frames };
                    Segment::of_changes([7; 16], sequence, vec![change])
                        .at(Timestamp::from_secs(sequence as i64))
                }
            });
        }
        segments
    })
}

type Answers = (Vec<PackRow>, HashMap<(u8, ChunkId), HashSet<Address>>);

/// What a reader knows after these segments: packs, and for each id the places where it is live.
fn answers(segments: &[Segment]) -> Answers {
    let mut packs: Vec<PackRow> = Vec::new();
    let mut ids: HashMap<(u8, ChunkId), HashSet<Address>> = HashMap::new();
    for segment in segments {
        packs.extend(segment.packs.iter().cloned());
        for change in &segment.changes {
            packs.retain_mut(|pack| pack.id != change.pack || pack.apply(change));
        }
        for (number, kind, table) in
            [(0, PackKind::Data, &segment.data_ids), (1, PackKind::Hunk, &segment.hunk_ids)]
        {
            let positions = segment.addresses(kind);
            for (id, place) in table.ids.iter().zip(&table.positions) {
                assert!(table.places(id).contains(place));
                ids.entry((number, *id)).or_default().insert(positions.get(*place).unwrap());
            }
        }
    }
    for places in ids.values_mut() {
        places.retain(|address| {
            let pack = packs.iter().find(|pack| pack.id == address.pack);
            pack.and_then(|pack| pack.frame(address.frame)).is_some_and(|frame| frame.retired == 0)
        });
    }
    ids.retain(|_, places| !places.is_empty());
    (packs, ids)
}

proptest! {
    #[test]
    fn a_segment_comes_back(segments in log()) {
        for segment in &segments {
            prop_assert_eq!(&Segment::decode(&segment.encode()).unwrap(), segment);
        }
        let merged = merge(&segments).unwrap();
        prop_assert_eq!(&Segment::decode(&merged.encode()).unwrap(), &merged);
    }

    #[test]
    fn merging_changes_no_answer(segments in log(), at: prop::sample::Index, length: prop::sample::Index) {
        let from = at.index(segments.len());
        let to = from + 1 + length.index(segments.len() - from);
        let merged = merge(&segments[from..to]).unwrap();
        let mut fewer = segments[..from].to_vec();
        fewer.push(merged);
        fewer.extend_from_slice(&segments[to..]);
        let (packs, ids) = answers(&segments);
        let (merged_packs, merged_ids) = answers(&fewer);
        prop_assert_eq!(packs, merged_packs);
        prop_assert_eq!(ids, merged_ids);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
        let body = seal_envelope(ObjectKind::Segment, &bytes);
        if let Ok(segment) = Segment::decode(&body) {
            prop_assert_eq!(segment.encode(), body);
        }
    }
}

/// The number that condemned each frame, with its time as the segments tell it.
fn condemned(packs: &[PackRow], segments: &[Segment]) -> Vec<(u64, Option<Timestamp>)> {
    let times: HashMap<u64, Timestamp> =
        segments.iter().flat_map(|segment| &segment.times).copied().collect();
    let numbers = packs.iter().flat_map(|pack| &pack.frames).map(|frame| frame.condemned);
    numbers.filter(|number| *number != 0).map(|number| (number, times.get(&number).copied())).collect()
}

proptest! {
    #[test]
    fn merging_keeps_the_times_of_what_is_condemned(segments in log(), at: prop::sample::Index) {
        let at = at.index(segments.len());
        let mut fewer = vec![merge(&segments[..=at]).unwrap()];
        fewer.extend_from_slice(&segments[at + 1..]);
        let (packs, _) = answers(&segments);
        for (number, time) in condemned(&packs, &fewer) {
            prop_assert_eq!(time, Some(Timestamp::from_secs(number as i64)));
        }
    }
}

fn added(sequence: u64, pack: u8, kind: PackKind, frames: &[Vec<u8>]) -> Segment {
    let table = table(pack, kind, frames);
    let row = PackRow::new(&table, LeaseId::from_bytes([1; 16]), 10, sequence);
    Segment::of_packs([7; 16], sequence, vec![(row, &table)])
}

#[test]
fn numbers_outside_the_interval_are_refused() {
    let change = |sequence| {
        let change = Change {
            sequence,
            kind: ChangeKind::Retired,
            pack: PackId::from_bytes([1; 16]),
            frames: vec![0],
        };
        let mut segment = Segment::of_changes([7; 16], 5, vec![change]);
        segment.to = 6;
        segment
    };
    let time = |number| Segment { times: vec![(number, Timestamp::from_secs(1))], ..change(5) };
    let pack = |number| {
        let mut segment = added(5, 1, PackKind::Data, &[vec![1]]);
        segment.packs[0].added = number;
        segment
    };
    for make in [&change as &dyn Fn(u64) -> Segment, &time, &pack] {
        assert!([5, make(5).to].into_iter().all(|number| Segment::decode(&make(number).encode()).is_ok()));
        assert!([4, 7].into_iter().all(|number| Segment::decode(&make(number).encode()).is_err()));
    }
}

#[test]
fn a_merge_past_the_last_number_is_refused() {
    let mut last = Segment::of_changes([7; 16], u64::MAX, Vec::new());
    assert!(merge(std::slice::from_ref(&last)).is_ok());
    last.from = u64::MAX - 1;
    let first = Segment::of_changes([7; 16], 1, Vec::new());
    assert!(merge(&[last, first]).is_err());
}

#[test]
fn a_merge_of_more_chunks_than_places_is_refused() {
    let mut full = added(1, 1, PackKind::Data, &[vec![1]]);
    full.packs[0].frames[0].chunks = u32::MAX;
    let more = added(2, 2, PackKind::Data, &[vec![1], vec![2]]);
    let of_another_kind = added(2, 2, PackKind::Hunk, &[vec![1], vec![2]]);
    assert!(merge(&[full.clone(), more]).is_err());
    assert!(merge(&[full, of_another_kind]).is_ok());
}

/// The ids of a pack that is gone must not be taken for those of another one of the same id.
#[test]
fn a_pack_that_came_again_with_other_content_has_its_own_ids_only() {
    for kind in [PackKind::Data, PackKind::Hunk] {
        let log = [added(1, 9, PackKind::Data, &[vec![1, 2, 3]]), added(2, 9, kind, &[vec![4]])];
        let merged = merge(&log).unwrap();
        assert_eq!(Segment::decode(&merged.encode()).as_ref(), Ok(&merged));
        let table = if kind == PackKind::Data { &merged.data_ids } else { &merged.hunk_ids };
        assert_eq!((&table.ids[..], &table.positions[..]), (&[ChunkId::from_bytes([4; 16])][..], &[0][..]));
        assert_eq!(merged.data_ids.ids.len() + merged.hunk_ids.ids.len(), 1);
    }
}

#[test]
fn a_pack_that_came_again_outlives_the_removal_of_the_first() {
    let pack = PackId::from_bytes([9; 16]);
    let add = |sequence: u64| {
        let table = table(9, PackKind::Data, &[vec![1, 2]]);
        Segment::of_packs(
            [7; 16],
            sequence,
            vec![(PackRow::new(&table, LeaseId::from_bytes([1; 16]), 10, sequence), &table)],
        )
    };
    let kind = ChangeKind::Removed { generation: None };
    let removal = Segment::of_changes([7; 16], 2, vec![Change { sequence: 2, kind, pack, frames: vec![0] }]);
    let log = [add(1), removal, add(3)];
    let (packs, ids) = answers(&log);
    assert_eq!((packs.len(), ids.len()), (1, 2));
    let back = [log[0].clone(), merge(&log[1..]).unwrap()];
    for merged in [vec![merge(&log).unwrap()], back.to_vec(), vec![merge(&back).unwrap()]] {
        let (packs, ids) = answers(&merged);
        assert!(packs.iter().any(|pack| pack.added == 3));
        assert_eq!(ids.len(), 2);
    }
}

/// Scans an object in pieces of this length.
fn scanned(object: &[u8], piece: usize) -> Result<(Segment, SparseIds), Error> {
    let mut scanner = SegmentScanner::new();
    object.chunks(piece).try_for_each(|piece| scanner.feed(piece))?;
    scanner.finish()
}

/// The places of an id, read block by block.
fn places_by_block(object: &[u8], sparse: &SparseIds, id: &ChunkId) -> Vec<u32> {
    let read = |range: &std::ops::Range<u64>| &object[range.start as usize..range.end as usize];
    let blocks = sparse.blocks_of(id).map(|number| sparse.block(number));
    blocks
        .flat_map(|[ids, places]| IdTable::of_bytes(read(&ids), read(&places)).places(id).to_vec())
        .collect()
}

proptest! {
    #[test]
    fn a_scan_in_pieces_finds_what_a_whole_segment_has(
        packs in prop::collection::vec(prop::collection::vec(0u16..900, 1..400), 1..6),
        hunks in prop::collection::vec(any::<u8>(), 1..9),
        piece in 1usize..3_000,
    ) {
        let id = |number: u16| ChunkId::from_bytes([number.to_be_bytes(); 8].concat().try_into().unwrap());
        let mut segments = vec![added(1, 100, PackKind::Hunk, &[hunks])];
        for (at, ids) in packs.iter().enumerate() {
            let mut table = table(at as u8, PackKind::Data, &[vec![], vec![]]);
            let (first, second) = ids.split_at(ids.len() / 3);
            table.frames[0].ids = first.iter().map(|number| id(*number)).collect();
            table.frames[1].ids = second.iter().map(|number| id(*number)).collect();
            let number = at as u64 + 2;
            let row = PackRow::new(&table, LeaseId::from_bytes([1; 16]), 10, number);
            segments.push(Segment::of_packs([7; 16], number, vec![(row, &table)]));
        }
        let whole = merge(&segments).unwrap();
        let positions = whole.addresses(PackKind::Data);
        let addresses = (0u32..).map_while(|place| Some((place, positions.get(place)?)));
        for (place, address) in addresses {
            let places = positions.of_frame(&address.pack, address.frame);
            prop_assert!(places.contains(&place) && places.start + address.ordinal == place);
        }
        prop_assert!(positions.of_frame(&PackId::from_bytes([0xee; 16]), 0).is_empty());
        let object = whole.encode();
        let (rest, sparse) = scanned(&object, piece).unwrap();
        for number in 0..901 {
            prop_assert_eq!(places_by_block(&object, &sparse, &id(number)), whole.data_ids.places(&id(number)));
        }
        prop_assert_eq!(rest, Segment { data_ids: IdTable::default(), ..whole });
    }

    #[test]
    fn a_scan_refuses_what_is_damaged_or_cut(segments in log(), at: prop::sample::Index, piece in 1usize..300) {
        let object = merge(&segments).unwrap().encode();
        let at = at.index(object.len());
        let mut damaged = object.clone();
        damaged[at] ^= 0x40;
        prop_assert!(scanned(&damaged, piece).is_err());
        prop_assert!(scanned(&object[..at], piece).is_err());
        prop_assert!(scanned(&[&object[..], &[0]].concat(), piece).is_err());
    }
}

proptest! {
    /// However the ids lie: spread as hashes are, or crowded at one place as nobody's hashes are.
    #[test]
    fn an_id_is_found_wherever_it_stands(
        spread in prop::collection::vec(any::<u128>(), 0..300),
        (crowd, width) in (prop::collection::vec(0u128..400, 0..300), 0u32..120),
        absent in prop::collection::vec(any::<u128>(), 20),
    ) {
        let crowded = crowd.iter().map(|id| id << width);
        let all: Vec<u128> = spread.iter().copied().chain(crowded).collect();
        let id = |value: u128| ChunkId::from_bytes(value.to_be_bytes());
        let pairs = all.iter().enumerate().map(|(place, value)| (id(*value), place as u32)).collect();
        let table = IdTable::from_unsorted(pairs);
        for value in all.iter().chain(&absent).copied() {
            let places: Vec<u32> = (0..all.len() as u32).filter(|at| all[*at as usize] == value).collect();
            prop_assert_eq!(table.places(&id(value)), places);
        }
    }
}
