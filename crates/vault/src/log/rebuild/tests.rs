//! A rebuild that needs several segments, cut off at every call: no state on the way passes for a whole log.

use super::*;
use crate::names::Names;
use crate::objects::Objects;
use blobs::{BlobStore, Fault, FaultPlan, Faulty, MemoryStore, Op, PutMode};
use format::frame::{BuiltFrame, FrameContext, PackKind};
use format::pack::PackWriter;
use model::{ChunkId, VaultId};
use std::collections::HashSet;

const VAULT: VaultId = VaultId::from_bytes([1; 16]);
const PACKS: usize = 12;
/// Incarnation of the log before; that of a new one is random.
const OLD: [u8; 16] = [9; 16];

/// Puts a pack of one frame with ten chunks; what is in it does not matter here.
fn put_pack(objects: &Objects, number: u8) {
    let pack = PackId::from_bytes([number; 16]);
    let context =
        FrameContext { vault: VAULT, pack, kind: PackKind::Data, key_generation: 1, salt: [number; 32] };
    let ciphertext = vec![number; 100];
    let hash = *blake3::hash(&ciphertext).as_bytes();
    let ids = (0..10).map(|at| ChunkId::from_bytes([number.wrapping_mul(16) + at; 16])).collect();
    let mut writer = PackWriter::new(context);
    writer.push(BuiltFrame { number: 0, ids, hash, ciphertext, plain_bytes: 100 }, Vec::new());
    let key = objects.names.pack(pack, 0).unwrap();
    objects.store.put(&key, &writer.finish().0, PutMode::CreateNew).unwrap();
}

fn objects(store: Arc<dyn BlobStore>) -> Objects {
    Objects { store, names: Names::new(VAULT) }
}

fn prepared() -> MemoryStore {
    let store = MemoryStore::new();
    let objects = objects(Arc::new(store.clone()));
    for number in 0..PACKS as u8 {
        put_pack(&objects, number);
    }
    // An old log of many numbers that knows nothing of them.
    for number in 1..=9 {
        let segment = Segment::of_changes(OLD, number, Vec::new());
        let key = objects.names.segment(number, number).unwrap();
        objects.store.put(&key, &segment.encode(), PutMode::CreateNew).unwrap();
    }
    store
}

fn rebuild(store: Arc<dyn BlobStore>) -> Result<RebuildReport, Error> {
    // Room for the tables of three packs a segment.
    rebuild_in(store, BatchLimit { table_bytes: 2_500, ..BATCH })
}

fn rebuild_in(store: Arc<dyn BlobStore>, most: BatchLimit) -> Result<RebuildReport, Error> {
    let objects = objects(store);
    Log::open(objects.clone())?.rebuild_in(&Packs::new(objects, VAULT), most)
}

#[test]
fn no_segment_needs_more_packs_open_than_are_allowed() {
    let report = rebuild_in(Arc::new(prepared()), BatchLimit { packs: 5, ..BATCH }).unwrap();
    assert_eq!((report.packs, report.segments), (12, 3));
    let store = MemoryStore::new();
    // An empty vault has a segment too.
    let report = rebuild_in(Arc::new(store), BATCH).unwrap();
    assert_eq!((report.packs, report.segments), (0, 1));
}

/// Opens what a crash left: broken, the old log, or the new one with all packs.
fn check(store: &MemoryStore) {
    let log = Log::open(objects(Arc::new(store.clone()))).unwrap();
    log.with_any(|state| match (&state.problem, state.incarnation) {
        (Some(_), _) => {}
        (None, OLD) => assert_eq!(state.sequence, 9),
        (None, _) => assert_eq!(state.packs.len(), PACKS),
    });
}

#[test]
fn a_cut_off_rebuild_never_passes_for_a_whole_one() {
    let mut crashes = 0;
    for op in [Op::Put, Op::Delete] {
        for n in 1.. {
            for fault in [Fault::Crash, Fault::CrashAfter] {
                let store = prepared();
                let faulty = Arc::new(Faulty::new(store.clone(), FaultPlan::new().nth(op, n, fault)));
                let result = rebuild(Arc::clone(&faulty) as _);
                assert_eq!(result.is_err(), faulty.is_crashed());
                check(&store);
                let report = rebuild(Arc::new(store.clone())).unwrap();
                assert_eq!((report.packs, report.chunks, report.segments), (12, 120, 4));
                let log = Log::open(objects(Arc::new(store))).unwrap();
                assert_eq!(log.position().unwrap().sequence, 4);
                let ids: Vec<ChunkId> =
                    (0..120u8).map(|at| ChunkId::from_bytes([at / 10 * 16 + at % 10; 16])).collect();
                assert!(log.look_up(&ids, &HashSet::new()).unwrap().iter().all(Option::is_some));
                crashes += u32::from(faulty.is_crashed());
            }
            if n > 9 {
                break;
            }
        }
    }
    assert_eq!(crashes, 2 * (4 + 9));
}
