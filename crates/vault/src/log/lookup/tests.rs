//! Look-ups in segments whose ids stay in the store give the answers of decoded ones, and keep little in memory.

use super::*;
use crate::names::Names;
use crate::objects::Objects;
use blobs::{BlobStore, MemoryStore, Op, PutMode, Recording};
use format::segment::{Change, ChangeKind, FrameState, PackRow};
use model::{LeaseId, PackId, VaultId};
use proptest::prelude::*;

const FRAME_CHUNKS: usize = 100;

fn id(number: u32) -> ChunkId {
    // Spread like a hash, so that neighbours are not neighbours in the table.
    let hash = blake3::hash(&number.to_le_bytes());
    ChunkId::from_bytes(hash.as_bytes()[..16].try_into().unwrap())
}

/// A segment with one pack of these chunks, 100 to a frame.
fn segment(number: u64, chunks: &[u32]) -> Segment {
    let frames = chunks.chunks(FRAME_CHUNKS).enumerate().map(|(at, part)| FrameState {
        number: at as u32,
        length: 100,
        chunks: part.len() as u32,
        retired: 0,
        condemned: 0,
    });
    let row = PackRow {
        id: pack(number),
        kind: PackKind::Data,
        key_generation: 1,
        generation: 0,
        lease: LeaseId::from_bytes([1; 16]),
        stored_bytes: 1,
        added: number,
        frames: frames.collect(),
    };
    let mut pairs: Vec<(ChunkId, u32)> = chunks.iter().map(|number| id(*number)).zip(0..).collect();
    pairs.sort_unstable();
    let (ids, positions) = pairs.into_iter().unzip();
    let mut segment = Segment::of_changes([7; 16], number, Vec::new());
    segment.packs = vec![row];
    segment.data_ids = IdTable { ids, positions };
    segment
}

fn pack(number: u64) -> PackId {
    PackId::from_bytes([number as u8; 16])
}

fn objects(store: Arc<dyn BlobStore>) -> Objects {
    Objects { store, names: Names::new(VaultId::from_bytes([1; 16])) }
}

fn stored(segments: &[Segment]) -> MemoryStore {
    let store = MemoryStore::new();
    let objects = objects(Arc::new(store.clone()));
    for segment in segments {
        let key = objects.names.segment(segment.from, segment.to).unwrap();
        store.put(&key, &segment.encode(), PutMode::CreateNew).unwrap();
    }
    store
}

/// A log that keeps this much in memory.
fn log(store: &MemoryStore, cache_bytes: usize) -> Log {
    Log::open_with(objects(Arc::new(store.clone())), cache_bytes).unwrap()
}

fn retire(number: u64, pack: PackId, frames: Vec<u32>) -> Segment {
    let change = Change { sequence: number, kind: ChangeKind::Retired, pack, frames };
    Segment::of_changes([7; 16], number, vec![change])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn stored_ids_are_found_like_decoded_ones(
        packs in prop::collection::vec(prop::collection::vec(0u32..1_500, 200..2_000), 1..4),
        retired in prop::collection::vec(0u32..20, 0..6),
        damaged in prop::collection::vec((1u64..4, 0u32..20), 0..6),
    ) {
        let mut segments: Vec<Segment> =
            packs.iter().zip(1..).map(|(chunks, number)| segment(number, chunks)).collect();
        let mut frames = retired;
        frames.sort_unstable();
        frames.dedup();
        segments.push(retire(segments.len() as u64 + 1, pack(1), frames));
        let store = stored(&segments);
        let damaged: HashSet<Damaged> =
            damaged.into_iter().map(|(number, frame)| Damaged::frame(pack(number), frame)).collect();
        let ids: Vec<ChunkId> = (0..1_600).map(id).collect();
        let decoded = log(&store, 64 << 20);
        let found = decoded.look_up(&ids, &damaged).unwrap();
        prop_assert!(decoded.is_index_in_memory().unwrap());
        for cache_bytes in [0, 3_000] {
            let log = log(&store, cache_bytes);
            prop_assert!(!log.is_index_in_memory().unwrap());
            prop_assert_eq!(&log.look_up(&ids, &damaged).unwrap(), &found);
            prop_assert_eq!(&log.look_up(&ids, &damaged).unwrap(), &found);
        }
        prop_assert!(found[1_500..].iter().all(Option::is_none));
        let is_bad = |address: &Address| Damaged::is_in(&damaged, address.pack, address.frame);
        prop_assert!(!found.iter().flatten().any(is_bad));
    }
}

#[test]
fn a_large_segment_is_read_once_and_then_block_by_block() {
    let chunks: Vec<u32> = (0..20_000).collect();
    let store = stored(&[segment(1, &chunks)]);
    let recording = Arc::new(Recording::new(store));
    let log = Log::open_with(objects(Arc::clone(&recording) as _), 100_000).unwrap();
    let object_bytes = log.with(|state| state.segments[0].size_bytes).unwrap();
    recording.take();
    let ids: Vec<ChunkId> = (0..30).map(|number| id(number * 1_000)).collect();
    let first = log.look_up(&ids, &HashSet::new()).unwrap();
    assert_eq!(first.iter().flatten().count(), 20);
    assert_eq!(first[3], Some(Address { pack: pack(1), frame: 30, ordinal: 0 }));
    // It is never read as a whole, which would take its size in memory.
    assert_eq!(recording.count(Op::Read), 0);
    let block = 256 * 20;
    assert!((object_bytes..object_bytes + 31 * block).contains(&recording.amount(Op::ReadAt)));
    recording.take();
    assert_eq!(log.look_up(&ids, &HashSet::new()).unwrap(), first);
    assert_eq!((recording.count(Op::Read), recording.count(Op::Open)), (0, 0));
    assert!(recording.amount(Op::ReadAt) <= 30 * block, "{} bytes", recording.amount(Op::ReadAt));
}

#[test]
fn a_chunk_in_a_damaged_frame_is_found_where_it_is_good() {
    let store = stored(&[segment(1, &[1, 2]), segment(2, &[2, 3])]);
    for cache_bytes in [0, 1 << 20] {
        let log = log(&store, cache_bytes);
        let found = |damaged: &[Damaged]| {
            log.look_up(&[id(1), id(2), id(3)], &damaged.iter().copied().collect()).unwrap()
        };
        let at = |number, ordinal| Some(Address { pack: pack(number), frame: 0, ordinal });
        assert_eq!(found(&[]), [at(1, 0), at(2, 0), at(2, 1)]);
        assert_eq!(found(&[Damaged::frame(pack(2), 0)]), [at(1, 0), at(1, 1), None]);
        assert_eq!(found(&[Damaged::pack(pack(2))]), [at(1, 0), at(1, 1), None]);
        assert_eq!(found(&[Damaged::pack(pack(1))]), [None, at(2, 0), at(2, 1)]);
    }
}

#[test]
fn a_segment_that_is_damaged_in_the_store_answers_nothing() {
    let store = stored(&[segment(1, &(0..5_000).collect::<Vec<_>>())]);
    let log = log(&store, 0);
    let key = log.objects.names.segment(1, 1).unwrap();
    let mut bytes = store.read(&key).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    store.put(&key, &bytes, PutMode::Replace).unwrap();
    assert!(matches!(log.look_up(&[id(1)], &HashSet::new()), Err(Error::Damaged { .. })));
}
